"""`acgs schema`: shows the database's revision, checks it for drift, and downgrades it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.console import views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import NotFoundError

if TYPE_CHECKING:
    from infra.component import Component


@click.group("schema", short_help="Look at the database's schema, or undo it")
def schema() -> None:
    """Look at the database's schema, or downgrade it."""


@schema.command("status", short_help="Show the revision of each component")
@as_json
def status_command(as_json: bool) -> None:
    """Show each component's revision, and the newest one this version knows."""
    rows = views.read("infra", "schema")
    emit(
        rows,
        as_json,
        [
            f"{name:<12} {row['revision'] or 'none':<8} newest {row['newest']}"
            for name, row in rows.items()
        ],
    )


@schema.command("check", short_help="Compare the schema with what is expected")
@as_json
@click.pass_context
def check_command(ctx: click.Context, as_json: bool) -> None:
    """Compare tables, columns, indexes and triggers with what this version expects."""
    from infra.configuration import load_settings
    from infra.stores import migrations
    from infra.stores.schema import require_no_drift

    settings = load_settings()
    if not as_json:
        click.echo(require_no_drift(settings))
        return
    found = migrations.differences(settings)
    emit({"ok": not found, "differences": found}, True, ())
    ctx.exit(3 if found else 0)


@schema.command("downgrade", short_help="Take tables back to an older revision")
@click.argument("component")
@click.argument("revision")
@dry_run
def downgrade_command(component: str, revision: str, dry_run: bool) -> None:
    """Take COMPONENT's tables back to REVISION, for an older version of the platform.

    REVISION `base` drops them with everything in them. Back up first.
    """
    from infra.configuration import load_settings
    from infra.processes.supervisor import already_running, locked
    from infra.stores import migrations

    settings = load_settings()
    owner = _find(component)
    now = migrations.current(settings, [owner])[owner.name]
    if dry_run:
        click.echo(f"would take {component} from {now or 'none'} to {revision}")
        return
    if locked(settings.storage_root):
        raise already_running(settings.storage_root)
    migrations.downgrade(settings, owner, revision)
    click.echo(f"took {component} from {now or 'none'} to {revision}")


def _with_schema() -> list[Component]:
    from infra.component import components

    return [component for component in components() if component.migrations is not None]


def _find(name: str) -> Component:
    known = {component.name: component for component in _with_schema()}
    if name not in known:
        raise NotFoundError(
            f"component {name!r}: expected one of {', '.join(known)}",
            hint="`acgs schema status` lists them",
        )
    return known[name]
