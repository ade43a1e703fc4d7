"""Defines `acgs version check` and `acgs version resolve`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import click

from infra.clock import utc_now
from infra.configuration import load_settings
from infra.console.actor import cli_actor
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.settings import Settings
from registry.checking.domain.resolution import PASSES
from registry.checking.finders import finders
from registry.commands import version as cli
from registry.domain.findings import Finding


@click.command("check", short_help="Look for duplicates, gaps and moved tags")
@click.argument("name", required=False)
@as_json
def version_check(name: str | None, as_json: bool) -> None:
    """Look for duplicates, gaps, moved tags and orphan stages; exit 1 when anything is found."""
    settings = load_settings()
    found = _found(settings, _names(settings, name))
    views = [_view(finding) for finding in found]
    emit(views, as_json, [line for f in found for line in _lines(f)] or ["nothing found"])
    if found:
        repairable = sum(1 for finding in found if finding.step)
        click.echo(f"{len(found)} found, {repairable} repairable: acgs version resolve", err=True)
        click.get_current_context().exit(1)


@click.command("resolve", short_help="Repair what check finds, step by step")
@click.argument("name", required=False)
@dry_run
@as_json
def version_resolve(name: str | None, dry_run: bool, as_json: bool) -> None:
    """Repair what `check` finds, one audited step at a time; exit 1 when something is left."""
    settings = load_settings()
    names = _names(settings, name)
    if dry_run:
        plan = [
            f
            for name in names
            for finder in finders().values()
            for f in finder.plan(settings, name)
        ]
        views = [_view(finding) for finding in plan]
        emit(views, as_json, [_step(finding) for finding in plan] or ["nothing to do"])
        return
    done = [finding for each in _shown(names, "resolving") for finding in _resolve(settings, each)]
    left = _found(settings, names)
    view = {"done": [_view(f) for f in done], "left": [_view(f) for f in left]}
    lines = [f"done: {_step(finding)}" for finding in done]
    lines += [line for finding in left for line in _lines(finding)]
    emit(view, as_json, lines or ["nothing to do"])
    if left:
        click.echo(f"{len(left)} left for a person", err=True)
        click.get_current_context().exit(1)


def _resolve(settings: Settings, name: str) -> Iterator[Finding]:
    for _ in range(PASSES):
        plan = [finding for finding in _found(settings, [name]) if finding.step]
        if not plan:
            return
        for finding in plan:
            if finders()[finding.finder].resolve(settings, finding, cli_actor(), utc_now()):
                yield finding


def _names(settings: Settings, name: str | None) -> Sequence[str]:
    registry = cli.open_registry(settings)
    if name is None:
        return registry.checking.checkable_names()
    registry.checking.require_model(name)
    return [name]


def _found(settings: Settings, names: Sequence[str]) -> list[Finding]:
    return [
        finding
        for name in _shown(names, "checking")
        for finder in finders().values()
        for finding in finder.find(settings, name)
    ]


def _shown(items: Sequence[Any], doing: str) -> Iterable[Any]:
    """Iterate with a progress bar if a terminal is watching and the work may take a while."""
    if len(items) < 20 or not sys.stderr.isatty():
        return items
    return _tracked(items, doing)


def _tracked(items: Sequence[Any], doing: str) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import track

    yield from track(items, doing, console=Console(stderr=True), transient=True)


def _view(finding: Finding) -> dict[str, Any]:
    return asdict(finding)


def _lines(finding: Finding) -> Iterator[str]:
    number = f" version {finding.version}" if finding.version is not None else ""
    yield (
        f"{finding.severity}: {finding.name}{number}: {finding.rule}: "
        f"expected {finding.expected}, found {finding.found}"
    )
    yield f"  {'resolve can' if finding.step else 'to do'}: {finding.fix}"


def _step(finding: Finding) -> str:
    number = f" version {finding.version}" if finding.version is not None else ""
    return f"{finding.name}{number}: {finding.fix} ({finding.rule})"
