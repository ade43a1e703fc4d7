from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from infra.errors import NotFoundError, NotPreparedError, UnavailableError, exit_code
from infra.stores.db import open_engine, reading, transaction


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'there' / 'registry.db'}", make=True)
    yield opened
    opened.dispose()


def test_looking_into_a_root_that_was_never_prepared_says_so_and_makes_nothing(
    tmp_path: Path,
) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'registry.db'}")
    for opened in (reading, transaction):
        with (
            pytest.raises(NotPreparedError, match="no platform was prepared in") as told,
            opened(engine),
        ):
            raise AssertionError("there is nothing to open")
        assert str(tmp_path / "nowhere") in told.value.message
        assert "acgs up" in (told.value.hint or "")
        assert exit_code(told.value) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_the_tables_counts_as_not_prepared(engine: Engine) -> None:
    with (
        pytest.raises(NotPreparedError, match="no platform was prepared"),
        reading(engine) as connection,
    ):
        connection.execute(text("SELECT * FROM acgs_request"))


def test_a_number_that_no_column_holds_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError), reading(engine) as connection:
        connection.execute(text("SELECT :n"), {"n": 10**22})


def run(engine: Engine, *statements: str) -> None:
    with transaction(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_full_disk_is_told_with_the_file_and_what_to_do(engine: Engine) -> None:
    fill = "INSERT INTO t VALUES (zeroblob(1000000))"
    with pytest.raises(UnavailableError, match=r"registry\.db: database or disk is full") as told:
        run(engine, "CREATE TABLE t (x BLOB)", "PRAGMA max_page_count = 4", fill)
    assert "free some space" in (told.value.hint or "")


def test_a_database_that_may_not_be_written_is_told(engine: Engine) -> None:
    with pytest.raises(UnavailableError, match="readonly") as told:
        run(engine, "PRAGMA query_only = ON", "CREATE TABLE t (x)")
    assert "make it writable" in (told.value.hint or "")
