"""Versions as JSON values for listings and comparisons, one shape for the CLI and for HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.records import VersionRecord
from registry.views import moment


def brief_view(record: VersionRecord, stage: str | None, aliases: Sequence[str]) -> dict[str, Any]:
    """Return a version in a listing: its number, its place and what its owners say."""
    return {
        "name": record.name,
        "semver": record.semver,
        "version": record.version,
        "stage": stage,
        "aliases": list(aliases),
        "bump": record.bump,
        "reason": record.reason,
        **standing_view(record),
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
