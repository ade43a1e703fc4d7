"""Defines `acgs artifact hold|release|expire`."""

from __future__ import annotations

from typing import Any

import click

from infra.batches import every
from infra.console import operations
from infra.console.options import as_json, dry_run, reason
from infra.console.output import emit
from registry.artifacts.cli_kit import progress, size
from registry.versions.arguments import version as version_argument
from registry.versions.naming import NamedVersion


@click.command("hold", short_help="Put a legal hold on a version")
@version_argument
@reason(required=True)
@dry_run
def hold(version: NamedVersion, reason: str, dry_run: bool) -> None:
    """Put a legal hold on a version: none of its files can be deleted or freed."""
    ref, changed = _change("hold", version, reason, dry_run)
    if dry_run:
        click.echo(f"would hold {ref}")
        return
    click.echo(f"{ref} is held" if changed else f"{ref} was held already")


@click.command("release", short_help="End a version's legal hold")
@version_argument
@reason(required=True)
@dry_run
def release(version: NamedVersion, reason: str, dry_run: bool) -> None:
    """End a version's legal hold."""
    ref, changed = _change("release", version, reason, dry_run)
    if dry_run:
        click.echo(f"would release {ref}")
        return
    click.echo(f"{ref} has no legal hold any more" if changed else f"{ref} had no legal hold")


def _change(
    operation: str, version: NamedVersion, reason: str, dry_run: bool
) -> tuple[str, bool | None]:
    found = operations.carry_out(
        "artifacts",
        operation,
        name=version.name,
        version=version.spec,
        reason=reason,
        dry_run=dry_run or None,
    )
    return found["version"], found["changed"]


@click.command("expire", short_help="Free files that nothing needs any more")
@dry_run
@as_json
def expire(dry_run: bool, as_json: bool) -> None:
    """Free the files of versions that nothing has needed for the whole retention period.

    Prints for each version why its files may or may not go. Each is recorded, with the proof,
    before its first file is deleted; an interrupted run is finished by the next.
    """
    views: list[dict[str, Any]] = []
    lines: list[str] = []
    if dry_run:
        views = operations.carry_out("artifacts", "expire", dry_run=True)["decisions"]
        for decision in views:
            word = "would free" if decision["free"] else "keeps"
            lines.append(f"{word} {decision['ref']}: {'; '.join(decision['reasons'])}")
        emit(views, as_json, lines or ["no files yet"])
        return
    with progress() as shown:
        task = shown.add_task("expire", total=None)
        for found in every(lambda after: operations.carry_out("artifacts", "expire", after=after)):
            shown.advance(task, len(found["freed"]))
            views += found["freed"]
    lines = [
        f"freed {done['ref']}, {size(done['size_bytes'])}: {'; '.join(done['reasons'])}"
        for done in views
    ]
    emit(views, as_json, lines or ["nothing may be freed"])


COMMANDS = (hold, release, expire)
