"""Lineage in other tools' languages."""

from __future__ import annotations

import json

from registry.lineage.formats import dot
from registry.lineage.service import VersionLineage
from registry.lineage.views import lineage_view

__all__ = ["written"]


def written(found: VersionLineage, form: str, mlflow_url: str) -> str:
    """Return a version's lineage as text in one of the formats.

    Args:
        found: the lineage.
        form: `json` or `dot`.
        mlflow_url: of the MLflow server, for links.
    """
    if form == "dot":
        return dot.write(found.graph, mlflow_url)
    return json.dumps(lineage_view(found), indent=2) + "\n"
