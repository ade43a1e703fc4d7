"""Commands about the platform as a whole: up, down, status, run, prepare, health."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from infra.console.options import as_json
from infra.console.output import emit

PORT_FLAGS = ("registry", "gateway", "gateway-admin", "compliance")
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _port_options(function: _Function) -> _Function:
    for name in reversed(PORT_FLAGS):
        function = click.option(
            f"--{name}-port",
            type=click.IntRange(1, 65535),
            help=f"Port of the {name.replace('-', ' ')} role.".replace(
                "gateway admin role", "gateway's admin interface"
            ),
        )(function)
    return function


@click.command("up", short_help="Run the whole platform")
@click.option("--detach", "-d", is_flag=True, help="Return when everything is ready.")
@click.option("--report-to", type=int, hidden=True, help="Descriptor to report to.")
@_port_options
def up_command(detach: bool, report_to: int | None, **ports: int | None) -> None:
    """Run the whole platform; Ctrl-C stops all of it."""
    from infra.console import display

    given = {f"ACGS_{name.upper()}": str(port) for name, port in ports.items() if port is not None}
    if report_to is not None:
        display.up_reporting(report_to)
    elif detach:
        display.up_detached(given)
    else:
        display.up_foreground(given)


@click.command("down", short_help="Stop everything that runs here")
def down_command() -> None:
    """Stop everything that runs in the storage root."""
    from infra.configuration import load_settings
    from infra.processes import launch

    settings = load_settings()
    if launch.stop_all(settings, lambda line: click.echo(line, err=True)):
        click.echo(f"stopped the platform in {settings.storage_root}")
    else:
        click.echo(f"nothing runs in {settings.storage_root}")


@click.command("status", short_help="Show what runs, and where")
@as_json
@click.pass_context
def status_command(ctx: click.Context, as_json: bool) -> None:
    """Show each role's state, pid and URL; exit 3 unless all are ready."""
    from dataclasses import asdict

    from infra.configuration import load_settings
    from infra.console import display
    from infra.processes import status as role_status

    found = role_status.look(load_settings())
    if as_json:
        emit({"ready": found.ready, **asdict(found)}, True, ())
    else:
        display.show_state(found)
    ctx.exit(0 if found.ready else 3)


@click.command("run", short_help="Run roles in the foreground")
@click.argument("roles", metavar="ROLE...", nargs=-1, required=True)
@click.option("--parent", type=int, hidden=True, help="Process to end with.")
@click.option("--report-to", type=int, hidden=True, help="Descriptor to report to.")
def run_command(roles: tuple[str, ...], parent: int | None, report_to: int | None) -> None:
    """Run one ROLE in the foreground, or several light ones in one process."""
    from infra.configuration import load_settings
    from infra.processes import role as in_process

    found = in_process.find(roles)
    in_process.run(found, load_settings(), parent=parent, report_to=report_to)
    if parent is not None:
        # Everything has stopped in order. Unloading MLflow's modules would take a second more.
        logging.shutdown()
        os._exit(0)


@click.command("prepare", short_help="Bring database, folders and keys up to date")
def prepare_command() -> None:
    """Bring the database, folders and keys of the storage root up to date."""
    from infra.configuration import load_settings
    from infra.processes import role as one_role

    one_role.prepare(load_settings())


@click.command("health", short_help="Ask every probe whether all is well")
@as_json
@click.pass_context
def health_command(ctx: click.Context, as_json: bool) -> None:
    """Ask every probe of every component; exit 3 if one is not ok."""
    from infra.console import views

    rows = views.read("infra", "health")
    ok = all(row["health"] == "ok" for row in rows)
    if as_json:
        emit({"ok": ok, "probes": rows}, True, ())
    else:
        for row in rows:
            click.echo(
                f"{row['health']:<9} {row['component']:<11} {row['probe']:<26} {row['detail']}"
            )
    ctx.exit(0 if ok else 3)
