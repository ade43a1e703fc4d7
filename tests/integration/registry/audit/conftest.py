"""Installations of the tests of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registry.audit import kit
from tests.integration.registry.audit.kit import Desk, Shell
from tests.support.stores import Databases, Kind


@pytest.fixture(params=list(Kind))
def desk(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Iterator[Desk]:
    """An installation, on each kind of database."""
    with kit.desk(tmp_path / "root", databases.new(request.param)) as opened:
        yield opened


@pytest.fixture
def small_desk(tmp_path: Path, databases: Databases) -> Iterator[Desk]:
    """An installation on SQLite, for what is about files."""
    with kit.desk(tmp_path / "root", databases.new(Kind.SQLITE)) as opened:
        yield opened


@pytest.fixture
def shell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Shell:
    """A command line in an empty folder, without settings."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in ("MLOPS_STORAGE_ROOT", "ACGS_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return Shell(capsys, monkeypatch)
