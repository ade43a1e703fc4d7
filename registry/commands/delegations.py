"""Defines `acgs delegation`: people lend their votes."""

from __future__ import annotations

import click

from infra.console import operations, views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from registry.commands.shared import REQUEST_ID


@click.group(short_help="Lend your vote to somebody")
def delegation() -> None:
    """Lend your vote to another person, for some models and until a date."""


@delegation.command("add", short_help="Lend your vote")
@click.argument("deputy", metavar="PERSON")
@click.option("--name", "names", multiple=True, required=True,
              help="Pattern of model names that it is for; may be repeated.")  # fmt: skip
@click.option("--until", required=True, help="When it ends, such as 2026-12-24T18:00+01:00.")
@click.option("--role", help="Lend this role alone; without, every role of yours that approves.")
@dry_run
def add(deputy: str, names: tuple[str, ...], until: str, role: str | None, dry_run: bool) -> None:
    """Lend your vote to PERSON, who then approves with --for YOUR-NAME.

    You and PERSON count as one for a request on which PERSON votes for you.
    """
    found = operations.carry_out(
        "registry", "delegate", to=deputy, names=list(names), until=until, role=role,
        dry_run=dry_run or None,
    )  # fmt: skip
    said = f"votes for {found['lender']} on {', '.join(names)} until {found['until']}"
    click.echo(f"would let {deputy} vote so: {said}" if dry_run else f"{deputy} {said}")


@delegation.command("list", short_help="List lent votes, newest first")
@as_json
def list_(as_json: bool) -> None:
    """List the votes that people lent, newest first, with those that have ended."""
    found = views.read("registry", "delegations")
    lines = [
        f"{one['id']:<5} {one['lender']} to {one['deputy']} as {one['role'] or 'any role'} on "
        f"{', '.join(one['names'])} until {one['until']}{'' if one['in_force'] else ' (ended)'}"
        for one in found
    ]
    emit(found, as_json, lines or ["no votes are lent"])


@delegation.command("revoke", short_help="Take a lent vote back")
@click.argument("delegation_id", type=REQUEST_ID)
@dry_run
def revoke(delegation_id: int, dry_run: bool) -> None:
    """Take a lent vote back; approvals given by it are void while their request is open."""
    found = operations.carry_out(
        "registry", "revoke_delegation", id=delegation_id, dry_run=dry_run or None
    )
    verb = "would no longer vote" if dry_run else "no longer votes"
    click.echo(f"{found['deputy']} {verb} for {found['lender']}")
