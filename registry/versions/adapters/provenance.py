"""Where a version comes from: the version it copies, its code and its data."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

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
    t, i, d = mlflow.run_tags.c, mlflow.inputs.c, mlflow.datasets.c
    commit = connection.execute(
        select(t.value).where(t.run_uuid == run_id, t.key == "mlflow.source.git.commit")
    ).scalar()
    digest = connection.execute(
        select(d.digest)
        .join(mlflow.inputs, i.source_id == d.dataset_uuid)
        .where(i.source_type == "DATASET", i.destination_type == "RUN", i.destination_id == run_id)
        .order_by(d.digest)
        .limit(1)
    ).scalar()
    # Anyone may write anything there; "unknown" and blanks are no origin.
    return (
        commit if commit and _COMMIT.fullmatch(commit) else None,
        digest if digest and digest.strip() else None,
    )
