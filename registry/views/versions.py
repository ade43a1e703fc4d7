"""Builds JSON of versions for listings and comparisons, in one shape for the CLI and for HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from infra.clock import moment
from registry.domain.records import VersionRecord
from registry.versions.adapters.pages import Listed
from registry.versions.domain.difference import Comparison, Line


def brief_view(listed: Listed) -> dict[str, Any]:
    """Return a version in a listing: its number, its position and its standing."""
    record = listed.record
    return {
        "name": record.name,
        "semver": record.semver,
        "version": record.version,
        "stage": listed.stage,
        "aliases": list(listed.aliases),
        "bump": record.bump,
        "reason": record.reason,
        **standing_view(record),
        "unusable": listed.unusable,
        "created_at": moment(record.created_ms),
    }


def standing_view(record: VersionRecord) -> dict[str, Any]:
    """Return what the owners of a version say about using it."""
    return {
        "standing": record.standing.value,
        "standing_reason": record.standing_reason,
        "standing_actor": record.standing_actor,
        "standing_at": moment(record.standing_ms),
    }


def comparison_view(
    first: VersionRecord, second: VersionRecord, comparison: Comparison
) -> dict[str, Any]:
    """Return how two versions relate."""
    return {
        "first": _named(first),
        "second": _named(second),
        "order": comparison.order,
        "change": comparison.change,
        "reasons": list(comparison.reasons),
    }


def diff_view(
    first: VersionRecord, second: VersionRecord, comparison: Comparison, lines: Sequence[Line]
) -> dict[str, Any]:
    """Return every difference between two versions."""
    return {
        **comparison_view(first, second, comparison),
        "lines": [asdict(line) for line in lines],
    }


def _named(record: VersionRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "semver": record.semver,
        "version": record.version,
        **standing_view(record),
    }
