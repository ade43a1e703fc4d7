"""Compares scorecards with the events that announced them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from registry.adapters import tables
from registry.audit.covered import Covered
from registry.audit.history import History
from registry.domain.canonical import digest

_S = tables.scorecard.c
_FACTS = (
    "score",
    "passed",
    "enforcement",
    "approvals_needed",
    "manifest_digest",
    "constitution_digest",
    "evidence_digest",
)


def requested_verdicts(connection: Connection, told: History) -> Covered:
    """Count verdicts on requests that say what was announced: these decide."""
    rows = connection.execute(select(tables.scorecard).where(_S.request_id.is_not(None))).all()
    gaps = [
        f"verdict {row.id} on request {row.request_id}: score {row.score:.4f}, "
        f"{'passed' if row.passed else 'failed'}"
        for row in rows
        if not _is_told(row, told.attached.get(row.request_id, ()))
    ]
    return Covered.of("verdicts on requests", "acgs_scorecard", len(rows), gaps, decides=True)


def unrequested_verdicts(connection: Connection, told: History) -> Covered:
    """Count verdicts of `acgs compliance score`, which decide nothing.

    Those of releases before the event are among the gaps.
    """
    rows = connection.execute(select(tables.scorecard).where(_S.request_id.is_(None))).all()
    gaps = [
        f"verdict {row.id} on {row.judged_as}, which nobody asked for"
        for row in rows
        if not _is_told(row, told.recorded.get(row.id, ()))
    ]
    return Covered.of(
        "verdicts without a request", "acgs_scorecard", len(rows), gaps, decides=False
    )


def _is_told(row: Row[Any], events: Iterable[Mapping[str, Any]]) -> bool:
    return any(_says_the_same(row, event) for event in events)


def _says_the_same(row: Row[Any], event: Mapping[str, Any]) -> bool:
    # Events of earlier releases have fewer facts.
    if any(key in event and event[key] != getattr(row, key) for key in _FACTS):
        return False
    if event.get("scorecard_digest") is None:
        return True
    try:
        return bool(event["scorecard_digest"] == digest(row.document))
    except ValueError:
        return False
