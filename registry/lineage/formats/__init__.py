"""Writes lineage in other tools' formats."""

from __future__ import annotations

import json

from registry.lineage.formats import dot, openlineage, svg
from registry.lineage.service import VersionLineage
from registry.lineage.views import lineage_view

FORMATS = ("openlineage", "svg", "dot", "json")


def written(found: VersionLineage, form: str, mlflow_url: str) -> str:
    """Return a version's lineage as text in one of the `FORMATS`; one line per OpenLineage event.

    Args:
        found: the lineage.
        form: one of the formats.
        mlflow_url: of the MLflow server, for links and as OpenLineage's namespace.
    """
    match form:
        case "openlineage":
            events = openlineage.events(found.graph, mlflow_url)
            return "".join(json.dumps(event, sort_keys=True) + "\n" for event in events)
        case "svg":
            return svg.draw(found.graph, found.start, f"{mlflow_url.rstrip('/')}/")
        case "dot":
            return dot.write(found.graph, mlflow_url)
        case _:
            return json.dumps(lineage_view(found), indent=2) + "\n"
