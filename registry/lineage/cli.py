"""Defines `acgs lineage show|impact|served|export`."""

from __future__ import annotations

from pathlib import Path

import click

from infra.console import views
from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import storage_error
from registry.versions.arguments import name_or_version

_depth = click.option(
    "--depth",
    type=click.IntRange(1, 50),
    default=50,
    show_default=True,
    help="At most this many steps from the version.",
)
_history = click.option(
    "--history", is_flag=True, help="Also follow all earlier and later versions."
)


@click.group(short_help="Trace where versions come from and served")
def lineage() -> None:
    """Where a version comes from, where it went, and what served when."""


@lineage.command("show", short_help="Show a version's causes and effects")
@name_or_version
@click.option("--up", is_flag=True, help="Only its causes.")
@click.option("--down", is_flag=True, help="Only its effects.")
@_depth
@_history
@as_json
def show(
    named: tuple[str, str | None],
    up: bool,
    down: bool,
    depth: int,
    history: bool,
    as_json: bool,
) -> None:
    """Show where a version comes from and what was made from it.

    Without VERSION, of the newest version.
    """
    direction = "both" if up == down else "up" if up else "down"
    found = views.read("lineage", "show", **_asked(named, depth, history), direction=direction)
    emit(found["document"], as_json, found["lines"])


def _asked(named: tuple[str, str | None], depth: int, history: bool) -> dict[str, object]:
    name, spec = named
    return {
        "name": name,
        "version": spec,
        "depth": depth,
        "history": "true" if history else None,
    }


@lineage.command("impact", short_help="Show what was made from something")
@click.argument("origin", metavar="ORIGIN")
@as_json
def impact(origin: str, as_json: bool) -> None:
    """Show what was made from something, and which endpoints serve or served it.

    ORIGIN is dataset:NAME@DIGEST, commit:SHA, run:ID or model:ID (a logged model). What was only
    evaluated on a dataset is not counted.
    """
    found = views.read("lineage", "impact", origin=origin)
    emit(found["document"], as_json, found["lines"])


@lineage.command("served", short_help="Show what an endpoint served, and when")
@click.argument("name", metavar="ENDPOINT")
@click.option("--at", "at", help="When, with its zone: 2026-11-24T12:00Z. Without it: now.")
@as_json
def served(name: str, at: str | None, as_json: bool) -> None:
    """Show what an endpoint served at a moment, with weights, and which versions held its places.

    ENDPOINT is the model's name; a model without an endpoint shows its stages and aliases. Exit 0
    when nothing served then, which is an answer too; 2 when nothing of this name is known.
    """
    found = views.read("lineage", "served", name=name, at=at)
    emit(found["document"], as_json, found["lines"])


@lineage.command("export", short_help="Write a version's lineage for other tools")
@name_or_version
@click.option(
    "--format",
    "form",
    type=click.Choice(["openlineage", "svg", "dot", "json"]),
    default="openlineage",
    show_default=True,
    help="OpenLineage events as JSON lines, a picture, Graphviz's language, or the graph.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of stdout.",
)
@_depth
@_history
def export(
    named: tuple[str, str | None], form: str, output: Path | None, depth: int, history: bool
) -> None:
    """Write a version's lineage for other tools."""
    text = views.read("lineage", "export", **_asked(named, depth, history), format=form)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as err:
        if known := storage_error(err, output):
            raise known from err
        raise
    click.echo(f"wrote {output}", err=True)
