"""Defines `acgs request`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from infra.console import operations, views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import storage_error
from registry.commands.people import people_lines
from registry.commands.shared import MAX_ID, REQUEST_ID, after, limit, more, opened, reason_lines
from registry.domain.values import RequestKind, RequestState
from registry.errors import GateClosedError, RequestPendingError
from registry.gate.outcome import refusal
from registry.settings import tracking_url

_POLL_SECONDS = 0.2
_IN_PARTS = frozenset({"decision", "page", "shown", "problem", "seats", "votes", "comments"})


@click.group(short_help="Follow requests to move a version")
def request() -> None:
    """Requests to move a version, and their outcomes."""


@request.command("list", short_help="List requests, oldest first")
@click.option("--open", "only_open", is_flag=True, help="Only those that wait for something.")
@click.option("--name", help="Only those about this model.")
@after
@limit
@as_json
def request_list(only_open: bool, name: str | None, after: int, limit: int, as_json: bool) -> None:
    """List requests, oldest first."""
    state = RequestState.OPEN.value if only_open else None
    found = views.read("registry", "requests", state=state, name=name, after=after, limit=limit)
    lines = [
        f"{item['id']:<5} {item['state']:<10} {item['name']} {item['semver']} {_wanted(item)} "
        f"by {item['actor']} at {item['created_at']}"
        for item in found
    ]
    emit(found, as_json, lines or ["no requests"])
    if len(found) == limit:
        more(f"--after {found[-1]['id']}")


def _wanted(item: Mapping[str, Any]) -> str:
    match RequestKind(item["kind"]):
        case RequestKind.TRANSITION:
            return f"to {item['target']}"
        case RequestKind.COPY | RequestKind.RENAME:
            return f"{item['kind']} to {item['judged_as']}, as for {item['target']}"


@request.command("show", short_help="Show one request: decision, seats, votes")
@click.argument("request_id", type=REQUEST_ID)
@as_json
def request_show(request_id: int, as_json: bool) -> None:
    """Show one request with its decision, its seats, votes and comments.

    A seat is an approval that is needed. An empty one says who could give it.
    """
    from infra.configuration import load_settings

    view = views.read("registry", "request", id=request_id)
    decision = view["decision"]
    lines = [f"{key:<12} {value}" for key, value in view.items() if key not in _IN_PARTS]
    lines.append(f"{'page':<12} {tracking_url(load_settings())}/{view['page']}")
    if decision.get("waiting_for") and view["state"] == RequestState.OPEN.value:
        lines.append(f"{'waiting for':<12} {decision['waiting_for']}")
    lines += reason_lines(decision.get("reasons", []))
    lines += [f"warning:{line}" for line in reason_lines(decision.get("warnings", []))]
    emit(view, as_json, [*lines, *people_lines(view)])


@request.command("screen", short_help="Show what a voter was shown")
@click.argument("request_id", type=REQUEST_ID)
@click.option(
    "--vote",
    type=click.IntRange(1, MAX_ID),
    required=True,
    help="Number of the vote, as acgs request show counts them.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file; one that ends in .json gets the facts, any other the page.",
)
@as_json
def request_screen(request_id: int, vote: int, output: Path | None, as_json: bool) -> None:
    """Show what somebody was shown when they voted, as it was kept then.

    Its digests are checked, and that an event of the vote names them.
    """
    kept = views.read("registry", "screen", id=request_id, vote=vote)
    named = "saw" if kept["confirmed"] else "voted without naming what they saw; kept is"
    lines = [
        f"{kept['who']} {'approved' if kept['approved'] else 'rejected'} at {kept['at']}",
        f"{named} page {kept['page_digest']}",
        f"facts {kept['facts_digest']}",
    ]
    if output is not None:
        _write(output, kept["facts" if output.suffix == ".json" else "page"].encode())
        lines.append(f"written to {output}")
    emit(kept, as_json, lines)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as err:
        if known := storage_error(err, file):
            raise known from err
        raise


@request.command("comment", short_help="Comment on a request without a vote")
@click.argument("request_id", type=REQUEST_ID)
@click.argument("text")
@dry_run
def request_comment(request_id: int, text: str, dry_run: bool) -> None:
    """Comment on an open request without a vote; everybody who sees it sees the comment."""
    found = operations.carry_out(
        "registry", "comment", id=request_id, comment=text, dry_run=dry_run or None
    )
    if dry_run:
        click.echo(f"would comment on request {request_id} ({found['state']})")
        return
    count = len(found["comments"])
    click.echo(f"request {request_id} has {count} comment{'s' if count > 1 else ''}")


@request.command("wait", short_help="Wait until a request is decided")
@click.argument("request_id", type=REQUEST_ID)
@click.option("--timeout", "timeout_seconds", type=float, default=600.0, help="In seconds.")
def request_wait(request_id: int, timeout_seconds: float) -> None:
    """Wait until a request is decided; exit 0 granted, 1 refused, 3 still pending."""
    registry = opened()
    deadline = time.monotonic() + timeout_seconds
    found = registry.gate.get_request(request_id)
    while found.state is RequestState.OPEN and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        found = registry.gate.get_request(request_id)
    match found.state:
        case RequestState.GRANTED:
            click.echo(f"request {request_id} was granted")
        case RequestState.OPEN:
            raise RequestPendingError(
                f"request {request_id} waits for "
                f"{found.decision.get('waiting_for', 'the compliance score')}",
                request_id,
                machine=False,
            )
        case RequestState.REFUSED:
            raise refusal(found)
        case RequestState.CANCELLED:
            raise GateClosedError(f"request {request_id} was cancelled", [])


@request.command("cancel", short_help="Withdraw an open request")
@click.argument("request_id", type=REQUEST_ID)
@dry_run
def request_cancel(request_id: int, dry_run: bool) -> None:
    """Withdraw an open request."""
    found = operations.carry_out("registry", "cancel", id=request_id, dry_run=dry_run or None)
    if dry_run:
        click.echo(f"would cancel request {request_id} ({found['state']})")
        return
    click.echo(f"request {request_id} is cancelled")
