"""Defines `acgs audit`."""

from __future__ import annotations

import click

from infra.console import views
from infra.console.options import as_json
from infra.console.output import emit
from registry.commands.shared import after, limit, more


@click.group(short_help="Read who did what")
def audit() -> None:
    """The audit trail."""


@audit.command("log", short_help="Print events, oldest first")
@click.option("--name", help="Only events about this model.")
@after
@limit
@as_json
def audit_log(name: str | None, after: int, limit: int, as_json: bool) -> None:
    """Print who did what, oldest first."""
    found = views.read("registry", "events", after=after, name=name, limit=limit)
    lines = [
        f"{event['id']:<6} {event['at']} {event['type']:<34} {event['name']} "
        f"{event['version'] or '':<4} {event['actor']}"
        for event in found
    ]
    emit(found, as_json, lines or ["no events"])
    if len(found) == limit:
        more(f"--after {found[-1]['id']}")
