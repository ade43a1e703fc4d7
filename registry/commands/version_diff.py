"""`acgs version compare`, `acgs version diff` and `acgs version bom`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from registry.commands import version as cli

_SHOWN = 40
_FILE_SHOWN = 12
_other = click.option("--other", help="Model that the second version belongs to, if another.")


@click.command("compare")
@click.argument("name")
@click.argument("first")
@click.argument("second")
@_other
@cli.as_json
def version_compare(name: str, first: str, second: str, other: str | None, as_json: bool) -> None:
    """Say which of two versions is higher, and what moving to the second breaks."""
    from registry.views.versions import comparison_view

    registry = cli.open_registry()
    a, b = (
        registry.versions.find_version(name, first),
        registry.versions.find_version(other or name, second),
    )
    view = comparison_view(a, b, registry.comparison.compare(a, b))
    cli.emit(view, as_json, list(_head(view)))
    cli.warn_of(a)
    cli.warn_of(b)


@click.command("diff")
@click.argument("name")
@click.argument("first")
@click.argument("second")
@_other
@cli.as_json
def version_diff(name: str, first: str, second: str, other: str | None, as_json: bool) -> None:
    """Show what differs between two versions: contract, numbers, data, code, files."""
    from registry.views.versions import diff_view

    registry = cli.open_registry()
    a, b = (
        registry.versions.find_version(name, first),
        registry.versions.find_version(other or name, second),
    )
    view = diff_view(a, b, registry.comparison.compare(a, b), registry.comparison.diff(a, b))
    cli.emit(view, as_json, [*_head(view), *_table(view["lines"])])
    cli.warn_of(a)
    cli.warn_of(b)


@click.command("bom")
@click.argument("name")
@click.argument("spec", metavar="VERSION")
def version_bom(name: str, spec: str) -> None:
    """Print the bill of materials of VERSION as CycloneDX JSON: files, data, requirements."""
    registry = cli.open_registry()
    cli.emit(registry.comparison.bill(registry.versions.find_version(name, spec)), True, ())


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
