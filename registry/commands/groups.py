"""Defines `acgs model`, `acgs request`, `acgs promote|approve|reject` and `acgs audit`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from infra.clock import utc_now
from infra.console import views
from infra.console.actor import cli_actor
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from registry.commands.version import fact_lines, warn_of, warn_unusable
from registry.domain.reasons import Reason, causes
from registry.domain.values import CHAMPION, RequestKind, RequestState, shown_score
from registry.errors import GateClosedError, RequestPendingError
from registry.gate.outcome import refusal
from registry.versions.arguments import name_or_version, version
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry

_comment = click.option("--comment", default="", help="Why, for the audit trail.")
_MAX_ID = 2**63 - 1
_REQUEST_ID = click.IntRange(1, _MAX_ID)
_after = click.option(
    "--after", type=click.IntRange(0, _MAX_ID), default=0, help="Only those after this number."
)
_limit = click.option(
    "--limit",
    type=click.IntRange(1, _MAX_ID),
    default=1000,
    show_default=True,
    help="At most this many.",
)
_POLL_SECONDS = 0.2


def _registry(settings: Settings | None = None) -> Registry:
    from infra.configuration import load_settings

    # Opened late: SQLAlchemy costs every `acgs --help` half a second.
    from registry.bootstrap import open_registry

    return open_registry(settings or load_settings())


def _more(option: str) -> None:
    click.echo(f"there may be more: {option}", err=True)


@click.group(short_help="List and show registered models")
def model() -> None:
    """Registered models and their versions."""


@model.command("list", short_help="List models with champion and newest version")
@click.option("--after", default="", metavar="NAME", help="Only models after this name.")
@_limit
@as_json
def model_list(after: str, limit: int, as_json: bool) -> None:
    """List models with their champion and newest version."""
    rows = views.read("registry", "models", after=after, limit=limit)
    lines = [
        f"{row['name']:<32} champion {row[CHAMPION] or '-':<10} newest {row['newest']:<10} "
        f"{row['versions']} versions"
        for row in rows
    ]
    emit(rows, as_json, lines or ["no models yet"])
    if len(rows) == limit:
        _more(f"--after '{rows[-1]['name']}'")


@model.command("show", short_help="Show a model's versions, or one of them")
@name_or_version
@click.option("--below", type=_REQUEST_ID, help="Only versions with a smaller number.")
@_limit
@as_json
def model_show(named: tuple[str, str | None], below: int | None, limit: int, as_json: bool) -> None:
    """Show a model's versions, or one version with its verdict."""
    name, spec = named
    if spec is None:
        found = views.read("registry", "model", name=name, below=below, limit=limit)
        emit(found, as_json, [_version_line(view) for view in found])
        if len(found) == limit:
            _more(f"--below {found[-1]['version']}")
        return
    view = views.read("registry", "version", name=name, version=spec)
    emit(view, as_json, [*fact_lines(view), *_verdict_lines(view["verdict"])])
    warn_unusable(view)


def _version_line(view: Mapping[str, Any]) -> str:
    verdict = view["verdict"]
    score = f"score {shown_score(verdict['score'])}" if verdict else "not scored"
    last = [*(f"@{alias}" for alias in view["aliases"]), view["unusable"] or ""]
    return (
        f"{view['semver']:<10} #{view['version']:<4} {view['stage'] or 'deleted':<11} "
        f"{score:<12} {' '.join(last)}"
    ).rstrip()


def _verdict_lines(verdict: Mapping[str, Any] | None) -> list[str]:
    if verdict is None:
        return ["verdict          none yet"]
    outcome = "passed" if verdict["passed"] else "failed"
    lines = [f"verdict          {outcome} for {verdict['target']}, score {verdict['score']:.4f}"]
    return lines + _reason_lines(verdict["reasons"])


def _reason_lines(reasons: Sequence[Mapping[str, str]]) -> list[str]:
    return [f"  - {cause}" for cause in causes(Reason(**reason) for reason in reasons)]


@click.group(short_help="Follow requests to move a version")
def request() -> None:
    """Requests to move a version, and their outcomes."""


@request.command("list", short_help="List requests, oldest first")
@click.option("--open", "only_open", is_flag=True, help="Only those that wait for something.")
@click.option("--name", help="Only those about this model.")
@_after
@_limit
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
        _more(f"--after {found[-1]['id']}")


def _wanted(item: Mapping[str, Any]) -> str:
    match RequestKind(item["kind"]):
        case RequestKind.TRANSITION:
            return f"to {item['target']}"
        case RequestKind.COPY | RequestKind.RENAME:
            return f"{item['kind']} to {item['judged_as']}, as for {item['target']}"


@request.command("show", short_help="Show one request with its decision")
@click.argument("request_id", type=_REQUEST_ID)
@as_json
def request_show(request_id: int, as_json: bool) -> None:
    """Show one request with its decision."""
    view = views.read("registry", "request", id=request_id)
    decision = view["decision"]
    lines = [f"{key:<12} {value}" for key, value in view.items() if key != "decision"]
    if decision.get("waiting_for") and view["state"] == RequestState.OPEN.value:
        lines.append(f"{'waiting for':<12} {decision['waiting_for']}")
    lines += _reason_lines(decision.get("reasons", []))
    lines += [f"warning:{line}" for line in _reason_lines(decision.get("warnings", []))]
    emit(view, as_json, lines)


@request.command("wait", short_help="Wait until a request is decided")
@click.argument("request_id", type=_REQUEST_ID)
@click.option("--timeout", "timeout_seconds", type=float, default=600.0, help="In seconds.")
def request_wait(request_id: int, timeout_seconds: float) -> None:
    """Wait until a request is decided; exit 0 granted, 1 refused, 3 still pending."""
    registry = _registry()
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
@click.argument("request_id", type=_REQUEST_ID)
@dry_run
def request_cancel(request_id: int, dry_run: bool) -> None:
    """Withdraw an open request."""
    registry = _registry()
    if dry_run:
        found = registry.gate.get_request(request_id)
        click.echo(f"would cancel request {request_id} ({found.state})")
        return
    registry.gate.cancel(request_id, cli_actor(), utc_now())
    click.echo(f"request {request_id} is cancelled")


@click.command(short_help="Ask for a version to move to a stage")
@version
@click.option(
    "--to",
    "target",
    type=click.Choice(["Staging", "Production"], case_sensitive=False),
    default="Production",
    show_default=True,
    help="Stage to ask for.",
)
@dry_run
def promote(version: NamedVersion, target: str, dry_run: bool) -> None:
    """Ask for a version to move to a stage, through the gate."""
    from infra.configuration import load_settings

    # Loads an HTTP client, which no other command here needs.
    from registry.sdk import GovernedClient
    from registry.settings import tracking_url
    from registry.views.records import version_view

    settings = load_settings()
    registry = _registry(settings)
    record = registry.versions.find_version(version.name, version.spec)
    if dry_run:
        click.echo(f"would ask for {record.ref} to move to {target}")
        return
    GovernedClient(tracking_url(settings)).promote(record.name, record.version, target)
    click.echo(f"{record.ref} is in {target}")
    warn_of(record)
    warn_unusable(version_view(registry, record))
    for rollout in registry.rollouts.active_rollouts():
        if rollout.candidate_uid == record.uid:
            click.echo(f"rollout {rollout.id} has begun: acgs rollout watch {rollout.id}", err=True)


@click.command(short_help="Approve a request")
@click.argument("request_id", type=_REQUEST_ID)
@_comment
@dry_run
def approve(request_id: int, comment: str, dry_run: bool) -> None:
    """Approve request REQUEST_ID; exit 1 if it is refused all the same."""
    _vote(request_id, comment, dry_run, approved=True)


@click.command(short_help="Reject a request, which refuses it")
@click.argument("request_id", type=_REQUEST_ID)
@_comment
@dry_run
def reject(request_id: int, comment: str, dry_run: bool) -> None:
    """Reject request REQUEST_ID."""
    _vote(request_id, comment, dry_run, approved=False)


def _vote(request_id: int, comment: str, dry_run: bool, *, approved: bool) -> None:
    registry = _registry()
    verb = "approve" if approved else "reject"
    if dry_run:
        found = registry.gate.get_request(request_id)
        click.echo(f"would {verb} request {request_id}: {found.ref} to {found.target}")
        return
    vote = registry.gate.approve if approved else registry.gate.reject
    found = vote(request_id, cli_actor(), comment, utc_now())
    if approved and found.state is RequestState.REFUSED:
        raise refusal(found)
    waiting = found.decision.get("waiting_for")
    more = f", waiting for {waiting}" if found.state is RequestState.OPEN and waiting else ""
    click.echo(f"request {request_id} is {found.state}{more}")


@click.group(short_help="Read who did what")
def audit() -> None:
    """The audit trail."""


@audit.command("log", short_help="Print events, oldest first")
@click.option("--name", help="Only events about this model.")
@_after
@_limit
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
        _more(f"--after {found[-1]['id']}")
