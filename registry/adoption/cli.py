"""Defines `acgs adoption`, which runs the back-fill, and `acgs uninstall`."""

from __future__ import annotations

import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

import click

from infra.configuration import load_settings
from infra.console import operations
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import ConflictError, UsageError

if TYPE_CHECKING:
    from registry.adoption.backfill import Backfill

WIDTH = 30
"""Characters of the bar."""
PHRASE = "uninstall"


@click.group(short_help="Record what plain MLflow registered")
def adoption() -> None:
    """Records for the versions that plain MLflow registered."""


def _backfill() -> Backfill:
    from registry.adoption.backfill import Backfill
    from registry.bootstrap import open_registry

    return Backfill(open_registry(load_settings()))


@adoption.command("status", short_help="Show how far the back-fill is")
@as_json
def status_command(as_json: bool) -> None:
    """Show how far the back-fill has come."""
    from infra.clock import moment, to_millis, utc_now

    backfill = _backfill()
    waiting, found = backfill.waiting(), backfill.progress()
    left = sum(waiting.values())
    total = found.recorded + left
    end = found.finished_ms or to_millis(utc_now())
    seconds = (end - found.started_ms) / 1000 if found.started_ms is not None else 0.0
    rate = found.recorded / seconds if seconds > 0 else 0.0
    if as_json:
        document = {
            "state": "done" if not left else "running" if found.holder else "waiting",
            "versions": total,
            "recorded": found.recorded,
            "unreadable": found.unreadable,
            "waiting": left,
            "models_waiting": len(waiting),
            "versions_per_second": round(rate, 1),
            "started_at": moment(found.started_ms),
            "finished_at": moment(found.finished_ms) if not left else None,
            "holder": found.holder,
        }
        emit(document, True, ())
        return
    if not total:
        click.echo("every governed version has its record")
        return
    done = found.recorded / total
    bar = "#" * int(done * WIDTH)
    click.echo(
        f"[{bar:<{WIDTH}}] {int(done * 100)} %: {found.recorded:,} of {total:,} versions recorded, "
        f"{found.unreadable:,} of them with files that cannot be read"
    )
    if left:
        who = (
            f"{found.holder} records them"
            if found.holder
            else "no process records them: acgs adoption run"
        )
        eta = f", about {left / rate:.0f} s left" if rate and found.holder else ""
        click.echo(f"{left:,} versions of {len(waiting):,} models wait; {who}{eta}")


@adoption.command("run", short_help="Record what waits, now")
@click.option("--model", "name", help="Only this model.")
@dry_run
def run_command(name: str | None, dry_run: bool) -> None:
    """Record the waiting versions now; Ctrl-C keeps what is done.

    The server works some 20 seconds for each call, of which this makes as many as it takes.
    """
    from rich.console import Console
    from rich.progress import Progress

    ask = partial(operations.carry_out, "adoption", "run", name=name)
    found = ask(dry_run=True)
    total = found["waiting"]
    if name is not None and not total:
        click.echo(f"no version of {name} waits", err=True)
        return
    if dry_run:
        click.echo(f"would record {total:,} versions of {found['models_waiting']:,} models")
        return
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    done = 0
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=total)
        while found["waiting"] and not stop.is_set():
            found = ask()
            done += found["recorded"]
            bar.update(task, completed=done)
            if not found["recorded"]:
                break
    click.echo(f"recorded {done:,} versions")
    holder = found["holder"]
    if not done and total and holder:
        raise ConflictError(
            f"expected to record {total:,} versions, found {holder} at it",
            hint="watch it: acgs adoption status; one of another machine that died is replaced "
            "within a minute",
        )


@click.command("uninstall", short_help="Take the platform out of the database")
@dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
def uninstall_command(dry_run: bool, yes: bool) -> None:
    """Take the platform out of the database; plain MLflow serves it as before.

    This deletes records, verdicts and the audit trail: back the database up first.
    """
    from registry.adoption import uninstall

    settings = load_settings()
    planned = uninstall.plan(settings)
    if planned.empty:
        click.echo("nothing of the platform is in the database")
        return
    uninstall.must_be_idle(settings)
    would = "would be removed" if dry_run else "to be removed"
    click.echo(f"{would}: {planned.tags:,} tags and {planned.descriptions:,} lines in descriptions")
    for table, rows in planned.tables.items():
        click.echo(f"{would}: table {table}, {rows:,} rows")
    if dry_run:
        return
    if not yes and click.prompt(f"type {PHRASE} to go on", err=True) != PHRASE:
        raise UsageError(f"expected {PHRASE!r}, so nothing was removed")
    uninstall.uninstall(settings)
    click.echo(f"removed; plain MLflow serves it: mlflow server --backend-store-uri {_shown()}")


def _shown() -> str:
    from sqlalchemy.engine import make_url

    return make_url(load_settings().sqlalchemy_url).render_as_string(hide_password=True)
