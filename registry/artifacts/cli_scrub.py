"""Defines `acgs artifact scrub|repair`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from infra.batches import every
from infra.console import operations
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from registry.artifacts.cli_kit import opened, progress, require_model, version_of
from registry.versions.arguments import NameOrVersionType, version_if_any
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from registry.artifacts.adapters.rows import FileCheck
    from registry.artifacts.bootstrap import Artifacts
    from registry.domain.records import VersionRecord

_NAMED = 5
"""Damaged versions that an error message names."""


@click.command("scrub", short_help="Hash every file again and name the damage")
@click.argument("named", metavar="[NAME[@VERSION]]", type=NameOrVersionType(), required=False)
@click.option("--restart", is_flag=True, help="Start over where an earlier scrub was interrupted.")
@click.option(
    "--mb-per-second", type=click.FloatRange(min=0, min_open=True), help="Read no faster than this."
)
@as_json
def scrub(
    named: tuple[str, str | None] | None,
    restart: bool,
    mb_per_second: float | None,
    as_json: bool,
) -> None:
    """Hash every file again and name each that differs from those registered; exit 1 if any does.

    Checks the replica's copies and the signed statements too. An interrupted scrub goes on where it
    stopped. A file to which its store denies access is not damaged: exit 3, and the next scrub
    begins with that file.
    """
    from infra.errors import NoAccessError
    from registry.artifacts.errors import FilesDifferError

    artifacts = opened()
    findings: list[dict[str, Any]] = []
    looked = 0
    unseen: NoAccessError | None = None
    with progress() as shown:
        task = shown.add_task("scrub", total=0)
        try:
            for total, record, checked in _looked_at(artifacts, named, restart, mb_per_second):
                looked += 1
                shown.update(task, total=total, advance=1)
                if not checked.ok:
                    findings.append(_finding(record, checked))
        except NoAccessError as err:
            unseen = err
    lines = [
        f"{one['name']} {one['semver']} (version {one['version']}): {change}"
        for one in findings
        for change in one["changes"]
    ]
    emit(
        {"versions": looked, "damaged": findings},
        as_json,
        [*lines, f"versions looked at: {looked}, damaged: {len(findings)}"],
    )
    if findings:
        if unseen is not None:
            click.echo(str(unseen), err=True)
        raise FilesDifferError(
            f"expected the registered files everywhere, found damage to {_named(findings)}",
            hint=artifacts.kit.way_back(),
        )
    if unseen is not None:
        raise unseen


def _looked_at(
    artifacts: Artifacts,
    named: tuple[str, str | None] | None,
    restart: bool,
    mb_per_second: float | None,
) -> Iterator[tuple[int, VersionRecord, FileCheck]]:
    from registry.artifacts.scrub import bounded

    pace = bounded(mb_per_second * 1e6) if mb_per_second else None
    name, spec = named or (None, None)
    if name is not None and spec is not None:
        record = version_of(artifacts, NamedVersion(name, spec))
        yield 1, record, artifacts.scrubbing.check(record, pace)
        return
    require_model(artifacts, name)
    walk = artifacts.scrubbing.begin_pass(name, restart=restart)
    if walk.resumed:
        click.echo("continues a scrub that did not finish (--restart starts over)", err=True)
    total = artifacts.scrubbing.version_count(name)
    for record, checked in artifacts.scrubbing.walk(walk, name, pace):
        yield total, record, checked


def _finding(record: VersionRecord, checked: FileCheck) -> dict[str, Any]:
    return {
        "name": record.name,
        "version": record.version,
        "semver": record.semver,
        "changes": list(checked.changes),
    }


@click.command("repair", short_help="Restore damaged files from the replica")
@version_if_any
@dry_run
@as_json
def repair(version: NamedVersion | None, dry_run: bool, as_json: bool) -> None:
    """Restore damaged files from the replica; without NAME@VERSION, all that scrub found.

    Copies to the replica again what was lost or damaged there. Writes only bytes that hash to
    what was registered. A version that cannot be restored in full is quarantined: it can be
    neither promoted nor deployed. Exit 1 if there is one.
    """
    from registry.artifacts.errors import FilesDifferError

    about = {"name": version.name, "version": version.spec} if version else {}
    views: list[dict[str, Any]] = []
    with progress() as shown:
        task = shown.add_task("repair", total=None)
        for found in every(
            lambda after: operations.carry_out(
                "artifacts", "repair", **about, after=after, dry_run=dry_run or None
            )
        ):
            shown.advance(task, len(found["versions"]))
            views += found["versions"]
    lines = [line for view in views for line in _repair_lines(view)]
    lost = sum(1 for view in views if view.get("quarantined") is not None)
    where = (
        f"{views[0]['ref']} is whole"
        if version
        else "no damage is known; acgs artifact scrub looks"
    )
    emit(views, as_json, lines or [f"nothing to repair: {where}"])
    if lost:
        raise FilesDifferError(
            f"expected every version restored, found {lost} without a copy of their files",
            hint="restore them from a backup, then: acgs artifact repair; or register new versions",
        )


def _repair_lines(view: Mapping[str, Any]) -> Iterator[str]:
    ref = view["ref"]
    if "would_repair" in view:
        yield from (f"{ref}: would repair {change}" for change in view["would_repair"])
        return
    yield from (f"{ref}: restored {name}" for name in view["restored"])
    yield from (f"{ref}: set aside {name}, which was added" for name in view["removed"])
    yield from (f"{ref}: no copy of {name} as registered" for name in view["missing"])
    yield from (f"{ref}: copied {name} to the replica again" for name in view["copied"])
    if view["quarantined"]:
        yield f"{ref}: quarantined"
    elif view["was_quarantined"]:
        yield f"{ref}: all files are those registered; quarantined no more"


def _named(findings: Sequence[Mapping[str, Any]]) -> str:
    names = [f"{one['name']} {one['semver']}" for one in findings[:_NAMED]]
    more = len(findings) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


COMMANDS = (scrub, repair)
