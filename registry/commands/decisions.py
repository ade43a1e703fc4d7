"""Defines `acgs promote`, `acgs approve` and `acgs reject`."""

from __future__ import annotations

import click

from infra.console import operations
from infra.console.options import dry_run
from infra.errors import UsageError
from registry.commands.shared import REQUEST_ID, opened
from registry.commands.version import warn_of, warn_unusable
from registry.domain.values import RequestState
from registry.settings import tracking_url
from registry.versions.arguments import version
from registry.versions.naming import NamedVersion

_comment = click.option("--comment", default="", help="Why, for the audit trail.")


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
    from registry.views.records import version_view

    settings = load_settings()
    registry = opened(settings)
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


@click.command(short_help="Approve a request, or take that back")
@click.argument("request_id", type=REQUEST_ID)
@_comment
@click.option("--for", "lender", metavar="NAME", help="Person who lent you their vote.")
@click.option("--shown", metavar="DIGEST", help="What you looked at: refuse if it changed since.")
@click.option("--withdraw", is_flag=True, help="Take your approval back instead.")
@dry_run
def approve(
    request_id: int, comment: str, lender: str | None, shown: str | None, withdraw: bool,
    dry_run: bool,
) -> None:  # fmt: skip
    """Approve request REQUEST_ID; exit 1 if it is refused all the same.

    An approval holds for the files, constitution, evidence, verdict and rollout plan that there are
    now. It is void when one of them changes. `acgs request show` names their digest for --shown.
    """
    if withdraw and (comment or lender or shown):
        raise UsageError(
            "expected --withdraw alone, found it with --comment, --for or --shown",
            hint=f"acgs approve {request_id} --withdraw",
        )
    asked = {"comment": comment, "for": lender, "shown": shown}
    if withdraw:
        _vote("withdraw_approval", "withdraw the approval of", request_id, dry_run)
    else:
        _vote("approve", "approve", request_id, dry_run, **asked)


@click.command(short_help="Reject a request, which refuses it")
@click.argument("request_id", type=REQUEST_ID)
@click.option("--comment", required=True, help="Why, for the people who asked.")
@dry_run
def reject(request_id: int, comment: str, dry_run: bool) -> None:
    """Reject request REQUEST_ID."""
    _vote("reject", "reject", request_id, dry_run, comment=comment)


def _vote(operation: str, verb: str, request_id: int, dry_run: bool, **asked: str | None) -> None:
    found = operations.carry_out(
        "registry", operation, id=request_id, dry_run=dry_run or None, **asked
    )
    if dry_run:
        ref = f"{found['name']} {found['semver']} (version {found['version']})"
        click.echo(f"would {verb} request {request_id}: {ref} to {found['target']}")
        return
    waiting = found["decision"].get("waiting_for")
    is_open = found["state"] == RequestState.OPEN.value
    more = f", waiting for {waiting}" if is_open and waiting else ""
    click.echo(f"request {request_id} is {found['state']}{more}")
