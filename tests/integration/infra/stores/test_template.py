"""New SQLite databases are copies of a template: it is what the migrations make."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from infra.settings import Settings
from infra.stores import migrations, template


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Templates of this test's own."""
    found = tmp_path / "templates"
    monkeypatch.setattr(template, "FOLDER", found)
    return found


def dump(root: Path) -> list[list[str]]:
    """Everything in a database, whatever the order of a table's constraints.

    MLflow's migrations write some of a table's constraints in another order each time.
    """
    connection = sqlite3.connect(root / "registry.db")
    try:
        return sorted(sorted(re.split(r"[\s,()]+", line)) for line in connection.iterdump())
    finally:
        connection.close()


def made(tmp_path: Path, name: str) -> Settings:
    settings = Settings(storage_root=tmp_path / name, database_url="")
    migrations.upgrade(settings)
    return settings


def test_a_database_from_the_template_is_the_one_that_the_migrations_make(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path, "first")
    (kept,) = folder.iterdir()
    assert kept.stat().st_mode & 0o022 == 0
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_upgrade_mlflow", None)  # so that using it would fail
        copied = made(tmp_path, "copied")
    kept.unlink()
    made(tmp_path, "migrated")
    assert dump(copied.storage_root) == dump(tmp_path / "migrated") == dump(tmp_path / "first")
    assert migrations.differences(copied) == {}
    assert list(folder.glob(".*")) == []


def test_a_database_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    settings = made(tmp_path, "root")
    with sqlite3.connect(tmp_path / "root" / "registry.db") as connection:
        connection.execute("CREATE TABLE mine (number INTEGER)")
    connection.close()
    migrations.upgrade(settings)
    assert any("mine" in words for words in dump(tmp_path / "root"))


def test_where_templates_cannot_be_kept_the_migrations_run(tmp_path: Path, folder: Path) -> None:
    folder.write_text("a file, not a folder")
    assert migrations.differences(made(tmp_path, "root")) == {}
