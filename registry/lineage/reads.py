"""Reads lineage for the command line and for HTTP: JSON, and the lines that people read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from infra.component import View
from registry.lineage.bootstrap import open_lineage
from registry.lineage.formats import written
from registry.lineage.queries import Asked, moment_of, of_version
from registry.lineage.tree import impact_lines, lineage_lines, served_lines
from registry.lineage.views import impact_view, lineage_view, served_view
from registry.settings import tracking_url

if TYPE_CHECKING:
    from infra.settings import Settings


def views(settings: Settings) -> Mapping[str, View]:
    """Return the views of lineage; nothing is opened until the first is read.

    Each but `export`, which is a text, is `{"document": JSON values, "lines": [text]}`.
    """
    lineage = open_lineage(settings)

    def show(asked: Asked) -> dict[str, Any]:
        found = of_version(lineage, asked)
        direction = asked.get("direction")
        lines = lineage_lines(found, up=direction != "down", down=direction != "up")
        return _both(lineage_view(found), lines)

    def impact(asked: Asked) -> dict[str, Any]:
        found = lineage.impact(asked.get("origin", ""))
        return _both(impact_view(found), impact_lines(found))

    def served(asked: Asked) -> dict[str, Any]:
        name, at = asked.get("name", ""), moment_of(asked)
        found = lineage.served(name, at)
        return _both(served_view(name, at, found), served_lines(name, at, found))

    def export(asked: Asked) -> str:
        return written(of_version(lineage, asked), asked.get("format", ""), tracking_url(settings))

    return {"show": show, "impact": impact, "served": served, "export": export}


def _both(document: Mapping[str, Any], lines: Iterable[str]) -> dict[str, Any]:
    return {"document": document, "lines": list(lines)}
