"""What MLflow recorded of a run, as parts of other statements."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, ScalarSelect, select

from registry.adapters import mlflow_tables as mlflow

_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


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


def plain_commit(text: str | None) -> str | None:
    """Return a git commit; None for what anybody may have written there instead."""
    return text if text and _COMMIT.fullmatch(text) else None


def plain_digest(text: str | None) -> str | None:
    """Return a dataset's digest; None for a blank."""
    return text if text and text.strip() else None
