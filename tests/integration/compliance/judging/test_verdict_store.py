"""The scorer believes a stored verdict only if this platform stored it, under this key."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, update

from compliance.adapters import tables
from compliance.judging.verdict_store import StoredVerdicts
from infra.secrets import Sealer
from infra.settings import Settings
from infra.stores.db import transaction

PASSED = {"score": 0.99, "passed": True}


@pytest.fixture
def stored(engine: Engine, tmp_path: Path) -> StoredVerdicts:
    return StoredVerdicts(engine, Sealer(Settings(storage_root=tmp_path / "root")))


def forge(stored: StoredVerdicts, key: str, document: object) -> None:
    with transaction(stored.engine) as connection:
        connection.execute(insert(tables.verdict).values(key=key, document=document, created_ms=1))


def test_a_verdict_is_found_under_its_key(stored: StoredVerdicts) -> None:
    stored.put("a", PASSED)
    stored.put("a", {"score": 0.0})
    assert stored.get("a") == PASSED, "the first one stays"
    assert stored.get("b") is None


@pytest.mark.parametrize("document", [PASSED, {"sealed": "x"}, {"sealed": None}, [], "x", 1])
def test_a_verdict_written_by_sql_is_not_believed_and_gives_way(
    stored: StoredVerdicts, document: object
) -> None:
    forge(stored, "a", document)
    assert stored.get("a") is None
    stored.put("a", {"score": 0.1})
    assert stored.get("a") == {"score": 0.1}


def test_another_version_s_verdict_is_not_believed(stored: StoredVerdicts) -> None:
    stored.put("good", PASSED)
    with transaction(stored.engine) as connection:
        connection.execute(update(tables.verdict).values(key="bad"))
    assert stored.get("bad") is None


def test_a_verdict_sealed_elsewhere_is_not_believed(stored: StoredVerdicts, tmp_path: Path) -> None:
    elsewhere = Sealer(Settings(storage_root=tmp_path / "other"))
    StoredVerdicts(stored.engine, elsewhere).put("a", PASSED)
    assert stored.get("a") is None
