"""Defines `acgs token`: service tokens for CI and other programs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from infra.clock import moment, to_millis, utc_now
from infra.console import operations
from infra.console.actor import cli_actor
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.identity.principal import Scope
from registry.access.domain.verbs import MEANINGS, Verb
from registry.domain.records import Act

if TYPE_CHECKING:
    from registry.tokens.domain.token import ServiceToken
    from registry.tokens.service import Tokens

_VERBS = "; ".join(f"{verb}: {meaning}" for verb, meaning in MEANINGS.items())

_recover = click.option(
    "--recover",
    metavar="REASON",
    default="",
    help="Go round the roles in force, on the database itself; the audit trail keeps why.",
)


def _opened() -> Tokens:
    from infra.configuration import load_settings
    from registry.tokens.service import open_tokens

    return open_tokens(load_settings())


@click.group("token", short_help="Give programs tokens, and revoke them")
def token() -> None:
    """Service tokens, by which programs such as CI prove who they are."""


@token.command("create", short_help="Make a token, shown once")
@click.argument("service")
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="Pattern of the models that it may change, e.g. 'credit*'; may be repeated.",
)
@click.option(
    "--verb",
    "verbs",
    multiple=True,
    required=True,
    type=click.Choice([verb.value for verb in Verb]),
    help=f"What it may do; may be repeated. {_VERBS}.",
)
@click.option(
    "--stage",
    "stages",
    multiple=True,
    default=("*",),
    show_default=True,
    help="Stage that it may ask for, or a pattern; may be repeated.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="How long it lasts.",
)
@_recover
@dry_run
def create_command(
    service: str,
    names: tuple[str, ...],
    verbs: tuple[str, ...],
    stages: tuple[str, ...],
    days: int,
    recover: str,
    dry_run: bool,
) -> None:
    """Make a token for SERVICE and print it; only its hash is kept.

    Takes the permission change-access, since the holder of the token acts as SERVICE.
    """
    said = f"{', '.join(verbs)} on {', '.join(names)} for {days} days"
    if recover and not dry_run:
        scope, lasts = Scope(names, stages, verbs), timedelta(days=days)
        act = Act(cli_actor(), to_millis(utc_now()))
        token, text = _opened().create(service, scope, lasts, act, recover)
        made = {"id": token.id, "text": text}
    else:
        made = operations.carry_out(
            "registry",
            "create_token",
            service=service,
            names=list(names),
            verbs=list(verbs),
            stages=list(stages),
            days=days,
            dry_run=dry_run or None,
        )
    if dry_run:
        click.echo(f"would make a token for {service}: {said}", err=True)
        return
    click.echo(f"made token {made['id']} for {service}: {said}", err=True)
    click.echo("it is not shown again:", err=True)
    click.echo(made["text"])


@token.command("list", short_help="Show every token, without its secret")
@as_json
def list_command(as_json: bool) -> None:
    """Show every token, oldest first; last use to within a minute."""
    now_ms = to_millis(utc_now())
    rows = [_row(each, now_ms) for each in _opened().every()]
    lines = [
        f"{row['id']}  {row['state']:<8} {row['service']:<20} {_joined(row['verbs'])} on "
        f"{_joined(row['names'])}, expires {row['expires_at']}, used {row['last_used_at'] or '-'}"
        for row in rows
    ]
    emit(rows, as_json, lines or ["no tokens"])


@token.command("revoke", short_help="End a token at once")
@click.argument("which", metavar="ID|SERVICE")
@_recover
@dry_run
def revoke_command(which: str, recover: str, dry_run: bool) -> None:
    """End the token of an ID, or all of a SERVICE, at once. Takes the permission change-access."""
    if recover and not dry_run:
        found = _opened().revoke(which, cli_actor(), utc_now(), recovering=recover)
        ids = [each.id for each in found]
    else:
        ids = operations.carry_out(
            "registry", "revoke_token", which=which, dry_run=dry_run or None
        )["ids"]
    if dry_run:
        click.echo(f"would revoke {', '.join(ids)}", err=True)
        return
    click.echo(f"revoked {', '.join(ids) or 'nothing: it was already'}")


def _joined(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else ""


def _row(each: ServiceToken, now_ms: int) -> dict[str, object]:
    return {
        "id": each.id,
        "service": each.name,
        "state": each.state(now_ms).value,
        "names": list(each.scope.names),
        "stages": list(each.scope.stages),
        "verbs": list(each.scope.verbs),
        "created_by": each.created_by,
        "created_at": moment(each.created_ms),
        "expires_at": moment(each.expires_ms),
        "revoked_by": each.revoked_by,
        "revoked_at": moment(each.revoked_ms),
        "last_used_at": moment(each.last_used_ms),
    }
