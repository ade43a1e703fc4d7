"""Defines `acgs login`, `acgs logout` and `acgs whoami`."""

from __future__ import annotations

import sys

import click

from infra.console import views
from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import RefusedError
from infra.identity import credentials


class NobodyError(RefusedError):
    """The server does not know who asks."""

    code = "auth.nobody_asks"


@click.command("login", short_help="Keep a credential for the server")
@click.option("--token", is_flag=True, help="Ask for a token instead of a name and a password.")
def login_command(token: bool) -> None:
    """Keep a credential for the running server, in a file that only you can read.

    Asks for it in the terminal, or reads a line of standard input. The variables
    MLFLOW_TRACKING_TOKEN, MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD go before it.
    """
    url = _url()
    if token:
        value = credentials.bearer(_asked("Token", hide=True))
    else:
        user = _asked("Name", hide=False)
        value = credentials.basic(user, _asked("Password", hide=True))
    known = _whoami(value)
    file = credentials.keep(url, value)
    click.echo(f"{known['name']} at {url}; kept in {file}", err=True)


@click.command("logout", short_help="Forget the server's credential")
def logout_command() -> None:
    """Forget the credential that `acgs login` kept for the running server."""
    url = _url()
    credentials.keep(url, None)
    click.echo(f"no credential is kept for {url}", err=True)


@click.command("whoami", short_help="Show as whom the server knows you")
@as_json
def whoami_command(as_json: bool) -> None:
    """Show as whom the server knows you, by what, and in which groups."""
    url = _url()
    found = views.read_with(credentials.authorization(url), "infra", "whoami")
    groups = f", in {', '.join(found['groups'])}" if found["groups"] else ""
    emit(found, as_json, [f"{found['name']} ({found['kind']}, by {found['source']}){groups}"])
    if found["notice"]:
        click.echo(found["notice"], err=True)


def _url() -> str:
    from infra.configuration import load_settings
    from infra.console.operations import NotRunningError

    url = views.server_url()
    if url is None:
        raise NotRunningError(
            f"expected a running platform in {load_settings().storage_root}, found none",
            hint="start it first: acgs up",
        )
    return url


def _asked(what: str, *, hide: bool) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=hide, err=True))
    return sys.stdin.readline().rstrip("\n")


def _whoami(value: str) -> dict[str, str]:
    found: dict[str, str] = views.read_with(value, "infra", "whoami")
    if found["source"] == "claim":
        raise NobodyError(
            "expected a server that checks names, found an open one: there is nothing to log in to",
            hint="docs/how-to/know-who-asks.md says how to have names checked",
        )
    return found
