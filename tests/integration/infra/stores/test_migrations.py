from __future__ import annotations

import sqlite3
import sys
import threading
from pathlib import Path

import pytest

from infra.component import Component
from infra.errors import UnavailableError
from infra.settings import Settings
from infra.stores import migrations
from tests.support.stores import put_database

ENV = """
from sqlalchemy import Column, Integer, MetaData, Table

from infra.stores.migration_env import run

metadata = MetaData()
Table("toy_thing", metadata, Column("id", Integer, primary_key=True))
run(metadata)
"""

REVISION = """
from alembic import op
from sqlalchemy import Column, Integer

revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade():
    op.create_table({table!r}, Column("id", Integer, primary_key=True))
    {then}


def downgrade():
    op.drop_table({table!r})
"""


def toy(folder: Path, *, count: int = 1, broken: bool = False) -> Component:
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENV)
    for number in range(1, count + 1):
        text = REVISION.format(
            revision=f"{number:04}",
            down=f"{number - 1:04}" if number > 1 else None,
            table=f"toy_{number}",
            then="raise RuntimeError('half way')" if broken and number == count else "pass",
        )
        (versions / f"{number:04}_step.py").write_text(text)
    return Component("toy", migrations=folder)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path / "root")


@pytest.fixture
def mlflows(settings: Settings) -> Settings:
    """A root whose database has MLflow's own schema already."""
    put_database(settings.storage_root, components=False)
    return settings


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def tables(settings: Settings) -> set[str]:
    with sqlite3.connect(settings.storage_root / "registry.db") as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {row[0] for row in rows}


def test_mlflow_and_components_get_their_schemas_each_with_its_own_history(
    settings: Settings, tmp_path: Path
) -> None:
    component = toy(tmp_path / "toy")
    migrations.upgrade(settings, [component])
    migrations.upgrade(settings, [component])
    found = tables(settings)
    assert {"registered_models", "runs", "toy_1", "acgs_toy_revision", "alembic_version"} <= found
    assert migrations.current(settings, [component]) == {"toy": "0001"}

    longer = toy(tmp_path / "toy", count=2)
    migrations.upgrade(settings, [longer])
    assert migrations.current(settings, [longer]) == {"toy": "0002"}

    older = toy(tmp_path / "older")
    with pytest.raises(migrations.SchemaUnknownError, match="revision 0002"):
        migrations.upgrade(settings, [older])


def test_mlflows_newest_revision_is_read_as_mlflow_itself_reads_it() -> None:
    from mlflow.store.db.utils import _get_latest_schema_revision

    assert migrations.mlflow_heads() == {_get_latest_schema_revision()}


def test_a_schema_that_a_newer_mlflow_made_is_refused(mlflows: Settings) -> None:
    with sqlite3.connect(mlflows.storage_root / "registry.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fromthefuture'")
    connection.close()
    with pytest.raises(migrations.SchemaUnknownError, match=r"schema of MLflow.*fromthefuture"):
        migrations.upgrade(mlflows, [])


def test_a_migration_that_fails_half_way_leaves_nothing(mlflows: Settings, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        migrations.upgrade(mlflows, [toy(tmp_path / "toy", count=2, broken=True)])
    assert not {"toy_1", "toy_2"} & tables(mlflows)
    fixed = toy(tmp_path / "fixed", count=2)
    migrations.upgrade(mlflows, [fixed])
    assert migrations.current(mlflows, [fixed]) == {"toy": "0002"}


def test_two_that_migrate_at_once_wait_for_each_other(settings: Settings, tmp_path: Path) -> None:
    component = toy(tmp_path / "toy", count=3)
    failures: list[Exception] = []

    def go() -> None:
        try:
            migrations.upgrade(settings, [component])
        except Exception as err:
            failures.append(err)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrations.current(settings, [component]) == {"toy": "0003"}


def test_a_database_that_does_not_answer_is_an_error_that_names_the_setting(
    tmp_path: Path,
) -> None:
    settings = Settings(storage_root=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(UnavailableError) as caught:
        migrations.current(settings, [Component("toy", migrations=tmp_path)])
    assert caught.value.hint is not None
    assert "ACGS_DATABASE_URL" in caught.value.hint
