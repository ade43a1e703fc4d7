"""Reads where a version comes from: the version it copies, its code and its data."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from registry.adapters import version_rows
from registry.versions.adapters import run_facts
from registry.versions.domain.sources import named_version


def origin_uid(connection: Connection, source: str, destination: str) -> str | None:
    """Return the identity of the other model's version that a source names; None if unknown."""
    named = named_version(source)
    if named is None or named[0] == destination:
        return None
    if version_rows.source_of(connection, *named) is None:
        return None
    origin = version_rows.live_version(connection, *named)
    return origin.uid if origin else None


_LINEAGE = select(run_facts.commit_of(bindparam("run")), run_facts.dataset_of(bindparam("run")))


def lineage(connection: Connection, run_id: str | None) -> tuple[str | None, str | None]:
    """Return the git commit and dataset digest that MLflow recorded for a run."""
    if run_id is None:
        return None, None
    commit, dataset = connection.execute(_LINEAGE, {"run": run_id}).one()
    return run_facts.plain_commit(commit), run_facts.plain_digest(dataset)
