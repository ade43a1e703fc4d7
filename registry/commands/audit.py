"""Defines `acgs audit`."""

from __future__ import annotations

import click

from infra.component import CommandEntry
from infra.console import views
from infra.console.lazy import LazyGroup
from infra.console.options import as_json
from infra.console.output import emit
from registry.commands.shared import after, limit, more

_LOG = "registry.commands.audit_log"
_MORE = (
    CommandEntry("verify", "Prove that no event was changed", f"{_LOG}:audit_verify"),
    CommandEntry("prove", "Write a proof that an event is in the log", f"{_LOG}:audit_prove"),
    CommandEntry("check", "Check a proof, and show its event", f"{_LOG}:audit_check"),
    CommandEntry("export", "Write the database's events to a file", f"{_LOG}:audit_export"),
    CommandEntry(
        "coverage",
        "Compare the trail with what tables hold",
        "registry.commands.audit_coverage:audit_coverage",
    ),
    CommandEntry(
        "new-log",
        "Begin a new log where the old one has to end",
        "registry.commands.audit_new_log:audit_new_log",
    ),
    CommandEntry("public-key", "Print the key that verifies the log", f"{_LOG}:audit_public_key"),
)


@click.group(cls=LazyGroup, entries=_MORE, short_help="Read and prove who did what")
def audit() -> None:
    """The audit trail, and the log that proves it."""


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
