"""Defines `acgs promote`, `acgs approve` and `acgs reject`."""

from __future__ import annotations

import click

from infra.console import operations
from infra.console.options import dry_run
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


@click.command(short_help="Approve a request")
@click.argument("request_id", type=REQUEST_ID)
@_comment
@dry_run
def approve(request_id: int, comment: str, dry_run: bool) -> None:
    """Approve request REQUEST_ID; exit 1 if it is refused all the same."""
    _vote(request_id, comment, dry_run, approved=True)


@click.command(short_help="Reject a request, which refuses it")
@click.argument("request_id", type=REQUEST_ID)
@_comment
@dry_run
def reject(request_id: int, comment: str, dry_run: bool) -> None:
    """Reject request REQUEST_ID."""
    _vote(request_id, comment, dry_run, approved=False)


def _vote(request_id: int, comment: str, dry_run: bool, *, approved: bool) -> None:
    verb = "approve" if approved else "reject"
    found = operations.carry_out(
        "registry", verb, id=request_id, comment=comment, dry_run=dry_run or None
    )
    if dry_run:
        ref = f"{found['name']} {found['semver']} (version {found['version']})"
        click.echo(f"would {verb} request {request_id}: {ref} to {found['target']}")
        return
    waiting = found["decision"].get("waiting_for")
    is_open = found["state"] == RequestState.OPEN.value
    more = f", waiting for {waiting}" if is_open and waiting else ""
    click.echo(f"request {request_id} is {found['state']}{more}")
