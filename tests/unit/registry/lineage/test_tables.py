"""The columns that lineage reads exist in the installed MLflow."""

from __future__ import annotations

import pytest
from mlflow.store.tracking.dbmodels.models import Base
from sqlalchemy import TableClause

from registry.lineage.adapters import mlflow_tables


@pytest.mark.parametrize(
    "table",
    [value for value in vars(mlflow_tables).values() if isinstance(value, TableClause)],
    ids=lambda table: str(table.name),
)
def test_every_column_is_one_of_mlflows(table: TableClause) -> None:
    assert set(table.c.keys()) <= set(Base.metadata.tables[table.name].c.keys())
