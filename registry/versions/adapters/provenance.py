"""Where a version comes from: the version it copies, its code and its data."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import version_rows
from registry.versions.domain.sources import named_version

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


def origin_uid(connection: Connection, source: str, destination: str) -> str | None:
    """Return the identity of the version of another model that a source names, if we know it."""
    named = named_version(source)
    if named is None or named[0] == destination:
        return None
    if version_rows.source_of(connection, *named) is None:
        return None
    origin = version_rows.live_version(connection, *named)
    return origin.uid if origin else None


def lineage(connection: Connection, run_id: str | None) -> tuple[str | None, str | None]:
    """Return (git commit, dataset digest) that MLflow recorded for a run."""
    if run_id is None:
        return None, None
    commit, dataset = connection.execute(_LINEAGE, {"run": run_id}).one()
    return plain_commit(commit), plain_digest(dataset)


def commit_of(run_id: ColumnElement[str]) -> ScalarSelect[str]:
    """Return the subquery for the git commit that MLflow recorded for a run."""
    t = mlflow.run_tags.c
    return (
        select(t.value)
        .where(t.run_uuid == run_id, t.key == "mlflow.source.git.commit")
        .scalar_subquery()
    )


def dataset_of(run_id: ColumnElement[str]) -> ScalarSelect[str]:
    """Return the subquery for the digest of the first dataset that MLflow recorded for a run."""
    i, d = mlflow.inputs.c, mlflow.datasets.c
    return (
        select(d.digest)
        .select_from(mlflow.datasets.join(mlflow.inputs, i.source_id == d.dataset_uuid))
        .where(i.source_type == "DATASET", i.destination_type == "RUN", i.destination_id == run_id)
        .order_by(d.digest)
        .limit(1)
        .scalar_subquery()
    )


_LINEAGE = select(commit_of(bindparam("run")), dataset_of(bindparam("run")))


def plain_commit(text: str | None) -> str | None:
    """Return a git commit; None for what anybody may have written there instead."""
    return text if text and _COMMIT.fullmatch(text) else None


def plain_digest(text: str | None) -> str | None:
    """Return a dataset's digest; None for a blank."""
    return text if text and text.strip() else None
