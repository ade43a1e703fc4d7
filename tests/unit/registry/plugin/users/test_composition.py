from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from infra.settings import Settings
from registry.plugin.users import composition


def test_mlflow_reads_the_configuration_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", "")
    url = "postgresql+psycopg2://u:p%40ss@127.0.0.1/x"
    composition._write_configuration(Settings(storage_root=tmp_path, database_url=url))

    file = tmp_path / "secrets" / composition.CONFIGURATION
    read = configparser.ConfigParser()  # with interpolation, as MLflow does
    read.read(file)

    assert read["mlflow"]["database_uri"] == url
    assert read["mlflow"]["default_permission"] == "READ"
    assert read["mlflow"]["admin_username"] == "admin"
    assert len(read["mlflow"]["admin_password"]) >= 24
    assert file.stat().st_mode & 0o077 == 0


def test_users_lie_beside_a_sqlite_database_and_within_another(tmp_path: Path) -> None:
    assert composition.database_url(Settings(storage_root=tmp_path)).endswith("/users.db")
    url = "postgresql+psycopg2://u@127.0.0.1/x"
    assert composition.database_url(Settings(storage_root=tmp_path, database_url=url)) == url
