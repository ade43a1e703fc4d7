"""Builds the JSON of lineage for the CLI, for HTTP and for the SDK."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from infra.clock import moment, to_millis
from registry.lineage.domain.completeness import completeness_view
from registry.lineage.service import Impact, VersionLineage
from registry.lineage.serving_history import Tenure


def lineage_view(found: VersionLineage) -> dict[str, Any]:
    """Return a version's lineage: the graph, where it starts, and how complete it is."""
    record = found.record
    return {
        "name": record.name,
        "semver": record.semver,
        "version": record.version,
        "uid": record.uid,
        "start": str(found.start),
        "completeness": completeness_view(found.completeness),
        **found.graph.document(),
    }


def tenure_view(tenure: Tenure) -> dict[str, Any]:
    """Return one interval with readable times."""
    return {
        "place": tenure.place.value,
        "name": tenure.name,
        "slot": tenure.slot,
        "model": tenure.model,
        "semver": tenure.semver,
        "version": tenure.number,
        "uid": tenure.version_uid,
        "share_percent": tenure.share_percent,
        "from": moment(tenure.from_ms),
        "to": moment(tenure.to_ms),
    }


def served_view(name: str, at: datetime, found: Sequence[Tenure]) -> dict[str, Any]:
    """Return what served at a moment, with traffic apart from stages and aliases."""
    views = [tenure_view(tenure) for tenure in found]
    return {
        "name": name,
        "at": moment(to_millis(at)),
        "traffic": [view for view in views if view["place"] == "endpoint"],
        "held": [view for view in views if view["place"] != "endpoint"],
    }


def impact_view(found: Impact) -> dict[str, Any]:
    """Return a blast radius."""
    return {
        "origin": str(found.origin.id),
        "facts": dict(found.origin.facts),
        "evaluated_only": found.evaluated_only,
        "versions": [
            {"uid": node.id.key, "label": node.label, **node.facts} for node in found.versions
        ],
        "serving": [tenure_view(tenure) for tenure in found.serving],
        "served": [tenure_view(tenure) for tenure in found.tenures if tenure.to_ms is not None],
    }
