"""Defines `acgs model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from infra.console import views
from infra.console.options import as_json
from infra.console.output import emit
from registry.commands.shared import REQUEST_ID, limit, more, reason_lines
from registry.commands.version import fact_lines, warn_unusable
from registry.domain.values import CHAMPION, shown_score
from registry.versions.arguments import name_or_version


@click.group(short_help="List and show registered models")
def model() -> None:
    """Registered models and their versions."""


@model.command("list", short_help="List models with champion and newest version")
@click.option("--after", default="", metavar="NAME", help="Only models after this name.")
@limit
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
        more(f"--after '{rows[-1]['name']}'")


@model.command("show", short_help="Show a model's versions, or one of them")
@name_or_version
@click.option("--below", type=REQUEST_ID, help="Only versions with a smaller number.")
@limit
@as_json
def model_show(named: tuple[str, str | None], below: int | None, limit: int, as_json: bool) -> None:
    """Show a model's versions, or one version with its verdict."""
    name, spec = named
    if spec is None:
        found = views.read("registry", "model", name=name, below=below, limit=limit)
        emit(found, as_json, [_version_line(view) for view in found])
        if len(found) == limit:
            more(f"--below {found[-1]['version']}")
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
    return lines + reason_lines(verdict["reasons"])
