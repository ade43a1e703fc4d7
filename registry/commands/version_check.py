"""Defines `acgs version check` and `acgs version resolve`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from infra.batches import every
from infra.configuration import load_settings
from infra.console import operations
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.settings import Settings
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
    emit(views, as_json, [line for view in views for line in _lines(view)] or ["nothing found"])
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
    done: list[Mapping[str, Any]] = []
    left: list[Mapping[str, Any]] = []
    for found in every(
        lambda after: operations.carry_out(
            "registry", "resolve", name=name, after=after, dry_run=dry_run or None
        )
    ):
        done += found["done"]
        left += found["left"]
    if dry_run:
        emit(left, as_json, [_step(finding) for finding in left] or ["nothing to do"])
        return
    lines = [f"done: {_step(finding)}" for finding in done]
    lines += [line for finding in left for line in _lines(finding)]
    emit({"done": done, "left": left}, as_json, lines or ["nothing to do"])
    if left:
        click.echo(f"{len(left)} left for a person", err=True)
        click.get_current_context().exit(1)


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


def _lines(finding: Mapping[str, Any]) -> Iterator[str]:
    number = f" version {finding['version']}" if finding["version"] is not None else ""
    yield (
        f"{finding['severity']}: {finding['name']}{number}: {finding['rule']}: "
        f"expected {finding['expected']}, found {finding['found']}"
    )
    yield f"  {'resolve can' if finding['step'] else 'to do'}: {finding['fix']}"


def _step(finding: Mapping[str, Any]) -> str:
    number = f" version {finding['version']}" if finding["version"] is not None else ""
    return f"{finding['name']}{number}: {finding['fix']} ({finding['rule']})"
