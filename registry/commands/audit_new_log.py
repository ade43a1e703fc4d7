"""Defines `acgs audit new-log`: begins a new log where the old one can never be continued."""

from __future__ import annotations

import click

from infra.clock import to_millis, utc_now
from infra.console.actor import cli_actor
from infra.console.options import dry_run, reason
from registry.domain.records import Act


@click.command("new-log", short_help="Begin a new log where the old one has to end")
@reason(required=True)
@dry_run
def audit_new_log(reason: str, dry_run: bool) -> None:
    """End the audit log and begin another, which an event in it says, with the reason.

    For a database that was restored from an old backup, or files that are lost for good. The new
    log has a key and a name of its own, and has every event of the database; the old one is kept.
    """
    from infra.configuration import load_settings
    from infra.stores.db import open_engine
    from registry.audit.merkle.replacing import replace, replaced

    settings, now = load_settings(), utc_now()
    engine = open_engine(settings.sqlalchemy_url)
    try:
        if dry_run:
            ended = replaced(engine, settings, now)
        else:
            ended = replace(engine, settings, Act(cli_actor(), to_millis(now)), reason, now)
    finally:
        engine.dispose()
    click.echo(f"{'would end' if dry_run else 'ended'} {ended.origin} at {ended.size} events")
    click.echo(f"its files    {ended.folder or 'none were there'}")
    click.echo(f"its key      {ended.public_key}")
    if not dry_run:
        click.echo("auditors and the witness need the new key: acgs audit public-key", err=True)
