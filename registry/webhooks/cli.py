"""Defines `acgs webhook`: subscriptions to events, and their deliveries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from infra.clock import moment
from infra.console import operations
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from registry.audit.domain.interest import Outcome
from registry.webhooks.domain.terms import Format

if TYPE_CHECKING:
    from registry.webhooks.adapters.subscription_rows import DeliveryRecord
    from registry.webhooks.service import Webhooks


@contextmanager
def _webhooks() -> Iterator[Webhooks]:
    from infra.configuration import load_settings
    from registry.webhooks.service import open_webhooks

    opened = open_webhooks(load_settings())
    try:
        yield opened
    finally:
        opened.engine.dispose()


@click.group("webhook", short_help="Subscribe to events, follow deliveries")
def webhook() -> None:
    """Subscriptions to events, and their deliveries."""


@webhook.command("list", short_help="Show every subscription")
@as_json
def list_command(as_json: bool) -> None:
    """Show every subscription."""
    with _webhooks() as webhooks:
        found = webhooks.list()
    if as_json:
        rows = [
            {
                "name": each.name,
                "url": each.url,
                "events": list(each.events),
                **each.terms.facts(),
                "waiting": each.waiting,
                "paused_at": moment(each.paused_ms),
                "secret_changes_at": moment(each.secrets.switch_ms),
                "owner": each.owner.subject if each.owner else None,
                "created_at": moment(each.created_ms),
            }
            for each in found
        ]
        emit(rows, True, ())
        return
    _table(
        ("NAME", "STATE", "WAITING", "EVENTS", "URL"),
        [
            (
                each.name,
                "active" if each.paused_ms is None else "paused",
                str(each.waiting),
                ",".join(each.events),
                each.url,
            )
            for each in found
        ],
        empty="no subscriptions",
    )


@webhook.command("add", short_help="Send events to a URL, signed")
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    required=True,
    help="Event type, e.g. transition_request.created, a name of Databricks, or '*'; may be "
    "repeated.",
)
@click.option("--name", "names", multiple=True, help="Only models of this pattern.")
@click.option("--stage", "stages", multiple=True, help="Only events about this stage.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice([one.value for one in Outcome]),
    help="Only events with this outcome.",
)
@click.option(
    "--format",
    type=click.Choice([one.value for one in Format]),
    default=Format.MLFLOW.value,
    show_default=True,
    help="Shape of the body.",
)
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    help="Signing secret; made and printed if not given. Better in the environment.",
)
@dry_run
def add_command(
    name: str,
    url: str,
    events: tuple[str, ...],
    secret: str | None,
    dry_run: bool,
    **terms: tuple[str, ...] | str,
) -> None:
    """Send events to URL, signed with a secret; only those that you may read."""
    made = operations.carry_out(
        "registry",
        "add_webhook",
        name=name,
        url=url,
        events=list(events),
        secret=secret,
        dry_run=dry_run or None,
        **{option: list(value) or None for option, value in terms.items() if option != "format"},
        format=None if terms["format"] == Format.MLFLOW else terms["format"],
    )
    if dry_run:
        click.echo(f"would add webhook {name} for {', '.join(events)}", err=True)
        return
    click.echo(f"added webhook {name} for {', '.join(events)}", err=True)
    if secret is None:
        click.echo("its secret, which is not shown again:", err=True)
        click.echo(made["secret"])


@webhook.command("remove", short_help="End a subscription")
@click.argument("name")
@dry_run
def remove_command(name: str, dry_run: bool) -> None:
    """End a subscription; its pending deliveries are given up."""
    ended = operations.carry_out("registry", "remove_webhook", name=name, dry_run=dry_run or None)
    said = "would remove" if dry_run else "removed"
    click.echo(
        f"{said} webhook {name}; pending deliveries given up: {ended['pending_ended']}", err=True
    )


@webhook.command("rotate", short_help="Change the secret without a gap")
@click.argument("name")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 720),
    default=24,
    show_default=True,
    help="How long both secrets sign.",
)
@click.option("--finish", is_flag=True, help="The receiver has the new secret: end the overlap.")
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    help="The new secret; made and printed if not given. Better in the environment.",
)
@dry_run
def rotate_command(
    name: str, overlap_hours: int, finish: bool, secret: str | None, dry_run: bool
) -> None:
    """Change the secret: both sign for a while, then the new one alone."""
    asked = {"finish": True} if finish else {"overlap_hours": overlap_hours, "secret": secret}
    made = operations.carry_out(
        "registry", "rotate_webhook", name=name, dry_run=dry_run or None, **asked
    )
    would = "would sign" if dry_run else "signs"
    when = f" from {made['takes_over_at']}" if made["takes_over_at"] else ""
    click.echo(f"webhook {name} {would} with the new secret alone{when}", err=True)
    if made["secret"] is not None:
        click.echo("the new secret, which is not shown again:", err=True)
        click.echo(made["secret"])


@webhook.command("test", short_help="Send a test delivery now")
@click.argument("name")
@dry_run
def test_command(name: str, dry_run: bool) -> int:
    """Send a signed test delivery now; exit with 1 if the receiver does not take it."""
    found = operations.carry_out("registry", "test_webhook", name=name, dry_run=dry_run or None)
    answer = found["answer"]
    if answer is None:
        click.echo(f"would send a test to webhook {name}", err=True)
        return 0
    said = f"HTTP {answer['status']}" if answer["status"] else answer["error"]
    click.echo(f"webhook {name}: {said} after {answer['took_ms']} ms")
    return 0 if found["good"] else 1


@webhook.command("deliveries", short_help="Show deliveries, newest first")
@click.option(
    "--state",
    type=click.Choice(["pending", "delivered", "dead", "withheld"]),
    help="Only those in this state.",
)
@click.argument("name", required=False)
@click.option("--webhook", "of", help="The same as NAME.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="At most this many.",
)
@as_json
def deliveries_command(
    state: str | None, name: str | None, of: str | None, limit: int, as_json: bool
) -> None:
    """Show deliveries, the newest first: all, or those to the subscription NAME."""
    if name is not None and of is not None and name != of:
        raise click.UsageError(f"expected one subscription, found {name} and {of}")
    with _webhooks() as webhooks:
        found = webhooks.deliveries(state, name or of, limit)
    if as_json:
        emit([_row(each) for each in found], True, ())
        return
    _table(
        ("ID", "STATE", "TRIES", "WEBHOOK", "EVENT", "MODEL", "LAST"),
        [
            (
                each.id,
                each.state,
                str(each.attempts),
                each.webhook,
                each.event_type,
                each.name,
                each.last_error or (f"HTTP {each.last_status}" if each.last_status else "-"),
            )
            for each in found
        ],
        empty="no deliveries",
    )


@webhook.command("redeliver", short_help="Send a delivery again")
@click.argument("delivery_id", required=False)
@click.option("--all-dead", is_flag=True, help="Every dead delivery.")
@dry_run
def redeliver_command(delivery_id: str | None, all_dead: bool, dry_run: bool) -> None:
    """Send DELIVERY_ID again, or every dead delivery."""
    if (delivery_id is None) == (not all_dead):
        raise click.UsageError("expected either a DELIVERY_ID or --all-dead")
    found = operations.carry_out(
        "registry", "redeliver", delivery_id=delivery_id, dry_run=dry_run or None
    )["deliveries"]
    for each in found:
        click.echo(each["id"])
    said = "would be sent again" if dry_run else "will be sent again"
    click.echo(f"deliveries that {said}: {len(found)}", err=True)


def _row(record: DeliveryRecord) -> dict[str, object]:
    row = asdict(record)
    row["next_attempt_at"] = moment(row.pop("next_attempt_ms"))
    delivered_ms = row.pop("delivered_ms")
    row["delivered_at"] = moment(delivered_ms)
    return row


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    if not rows:
        click.echo(empty, err=True)
        return
    widths = [max(len(line[i]) for line in (titles, *rows)) for i in range(len(titles))]
    for line in (titles, *rows):
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
