"""Renders the lineage of one version as a page with a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from infra.clock import moment
from registry.lineage.domain.collapse import MAX_SHOWN, collapse
from registry.lineage.formats import svg
from registry.lineage.service import VersionLineage
from registry.lineage.serving_history import Tenure

_SMALL = 900
_TENURES = 50


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def render(found: VersionLineage, tenures: Sequence[Tenure], root: str, notice: str) -> str:
    """Return the page.

    Args:
        found: the lineage to draw.
        tenures: when and where the version served, oldest first.
        root: relative path from the page to the server's root.
        notice: what everybody should know of the names on it; empty for nothing.
    """
    record, known = found.record, found.completeness
    node = found.graph.nodes[found.start]
    picture = svg.draw(found.graph, found.start, root)
    shown = collapse(found.graph, found.start)
    values: dict[str, Any] = {
        "name": record.name,
        "semver": record.semver,
        "number": record.version,
        "stage": node.facts.get("stage", "").removeprefix("None"),
        "root": root,
        "notice": notice,
        "version_page": node.page or "#/models",
        "path": f"{quote(record.name, safe='')}/{record.version}",
        # Every text in it is escaped where it is drawn.
        "picture": Markup(picture),  # noqa: S704
        "min_width": _SMALL,
        "total": len(found.graph.nodes),
        "left_out": max(0, len(found.graph.nodes) - len(shown.nodes) + 1)
        if len(found.graph.nodes) > MAX_SHOWN
        else 0,
        "percent": round(100 * known.share),
        "parts": known.parts,
        "missing": bool(known.missing),
        "tenures": [
            {
                "name": tenure.name,
                "share_percent": tenure.share_percent,
                "since": _shown(tenure.from_ms),
                "until": _shown(tenure.to_ms),
            }
            for tenure in tenures[-_TENURES:]
        ],
    }
    return _environment().get_template("lineage.html").render(values)


def _shown(ms: int | None) -> str | None:
    text = moment(ms)
    return text[:19].replace("T", " ") + " UTC" if text else None
