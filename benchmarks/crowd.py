"""Creates a model with thousands of versions, for both servers on one database."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, insert, select, text

from infra.settings import Settings
from registry.adapters import tables
from registry.bootstrap import open_registry
from tests.support.plain_mlflow import Version, fill

STAGES = ("Staging", "Archived")
"""Of the second and third version; all others stand in none."""
_ROWS = 500


def crowd(settings: Settings, name: str, count: int, source: Path | str) -> None:
    """Insert versions with their records; each has the files of `source`.

    The first is recorded by the platform, which reads its files; the others' records are copies
    with numbers of their own, since reading the same files thousands of times measures nothing.
    """
    engine = create_engine(settings.sqlalchemy_url)
    registry = open_registry(settings)
    try:
        fill(engine, _versions(name, count, str(source)))
        [first] = registry.takeover.take_over(name, [1], "benchmark", shown=True)
        v = tables.version
        with registry.engine.begin() as connection:
            row = connection.execute(select(v).where(v.c.uid == first.uid)).one()._mapping
            copies = [
                {
                    **row,
                    "uid": str(uuid.uuid4()),
                    "version": number,
                    "created_ms": first.created_ms + number - 1,
                    "semver": f"{row['major']}.{number}.0",
                    "minor": number,
                }
                for number in range(2, count + 1)
            ]
            for start in range(0, len(copies), _ROWS):
                connection.execute(insert(v), copies[start : start + _ROWS])
            # What autovacuum does within a minute: without it PostgreSQL plans for empty tables.
            connection.execute(text("ANALYZE"))
    finally:
        registry.engine.dispose()
        engine.dispose()


def _versions(name: str, count: int, source: str) -> Iterator[Version]:
    for number in range(1, count + 1):
        stage = STAGES[number - 2] if number in {2, 3} else "None"
        yield Version(name, number, source, stage=stage, tags={"team": "risk"})
