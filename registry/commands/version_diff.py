"""Defines `acgs version compare`, `acgs version diff` and `acgs version bom`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from infra.console import views
from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import storage_error
from registry.commands import version as cli
from registry.versions.arguments import VERSION
from registry.versions.arguments import version as version_argument
from registry.versions.naming import NamedVersion

_SHOWN = 40
_FILE_SHOWN = 12
_first = click.argument("first", metavar=VERSION.name, type=VERSION)
_second = click.argument("second", metavar=VERSION.name, type=VERSION)


@click.command("compare", short_help="Say which version is higher, and what breaks")
@_first
@_second
@as_json
def version_compare(first: NamedVersion, second: NamedVersion, as_json: bool) -> None:
    """Show which of two versions is higher, and what moving to the second breaks."""
    view = _read("comparison", first, second)
    emit(view, as_json, list(_head(view)))
    _warn_of_both(view)


@click.command("diff", short_help="Show what differs between two versions")
@_first
@_second
@as_json
def version_diff(first: NamedVersion, second: NamedVersion, as_json: bool) -> None:
    """Show what differs between two versions: contract, numbers, data, code, files."""
    view = _read("diff", first, second)
    emit(view, as_json, [*_head(view), *_table(view["lines"])])
    _warn_of_both(view)


def _read(what: str, first: NamedVersion, second: NamedVersion) -> Any:
    return views.read(
        "registry",
        what,
        name=first.name,
        version=first.spec,
        other=second.name,
        to=second.spec,
    )


def _warn_of_both(view: Mapping[str, Any]) -> None:
    cli.warn_of_standing(view["first"])
    cli.warn_of_standing(view["second"])


@click.command("bom", short_help="Print a version's bill of materials")
@version_argument
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of stdout.",
)
def version_bom(version: NamedVersion, output: Path | None) -> None:
    """Print a version's bill of materials (CycloneDX 1.6 ML-BOM, JSON)."""
    bill = views.read("registry", "bom", name=version.name, version=version.spec)
    if output is None:
        emit(bill, True, ())
        return
    try:
        output.write_text(json.dumps(bill, indent=2) + "\n", "utf-8")
    except OSError as err:
        raise storage_error(err, output) or err from err


def _head(view: Mapping[str, Any]) -> Iterator[str]:
    first, second = view["first"], view["second"]
    yield (
        f"{first['name']} {first['semver']} {view['order']} {second['name']} {second['semver']}: "
        f"{view['change']}"
    )
    yield from (f"  {reason}" for reason in view["reasons"])


def _table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not lines:
        yield "no difference"
        return
    width = min(_SHOWN, max(len(line["name"]) for line in lines))
    for part, group in groupby(lines, key=lambda line: line["part"]):
        yield f"{part}s"
        for line in group:
            before, after = _shown(part, line["before"]), _shown(part, line["after"])
            note = f"  ({line['note']})" if line["note"] else ""
            yield f"  {line['name']:<{width}}  {before} -> {after}{note}"


def _shown(part: str, value: str | None) -> str:
    if value is None:
        return "-"
    limit = _FILE_SHOWN if part == "file" else _SHOWN
    flat = " ".join(value.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
