"""The registry's schema goes up and down with what is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from infra.component import Component, components
from infra.stores import migrations
from infra.stores.db import open_engine
from registry.gate.adapters import ballots
from tests.support.stores import Databases, Kind

OLD = {
    "name": "credit",
    "bump": "initial",
    "reason": "first",
    "source": "s",
    "created_ms": 1,
}
INSERT = (
    "INSERT INTO acgs_version (uid, name, version, created_ms, semver, bump, reason, signature, "
    "source) VALUES (:uid, :name, :version, :created_ms, :semver, :bump, :reason, :signature, "
    ":source)"
)
SIGNATURE: dict[str, list[str]] = {"inputs": [], "outputs": [], "params": []}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'registry.db'}"
    else:
        url = request.getfixturevalue("postgres").new_database()
    engine = open_engine(url, make=True)
    yield engine
    engine.dispose()


def move(engine: Engine, to: str) -> None:
    component: Component = next(c for c in components() if c.name == "registry")
    config = migrations._config(component)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        step = command.downgrade if to < _revision(engine) else command.upgrade
        step(config, to)
        connection.commit()


def _revision(engine: Engine) -> str:
    if not inspect(engine).has_table("acgs_registry_revision"):
        return ""
    with engine.connect() as connection:
        query = text("SELECT version_num FROM acgs_registry_revision")
        return str(connection.execute(query).scalar())


def test_versions_keep_their_numbers_and_get_their_parts(engine: Engine) -> None:
    move(engine, "0001")
    old = {c["name"] for c in inspect(engine).get_columns("acgs_version")}
    assert "standing" not in old
    rows = [("1.0.0", SIGNATURE), ("1.10.2", None), ("2.0.0-rc.1", SIGNATURE)]
    with engine.begin() as connection:
        for number, (semver, signature) in enumerate(rows, start=1):
            row = {**OLD, "uid": f"u{number}", "version": number, "semver": semver}
            # JSON's null is what the platform has always stored for a model without one.
            connection.execute(text(INSERT), {**row, "signature": json.dumps(signature)})
    move(engine, "0002")
    with engine.connect() as connection:
        query = (
            "SELECT major, minor, patch, prerelease, signature_origin, standing "
            "FROM acgs_version ORDER BY version"
        )
        found = [tuple(row) for row in connection.execute(text(query))]
    assert found == [
        (1, 0, 0, None, "logged", "active"),
        (1, 10, 2, None, None, "active"),
        (2, 0, 0, "rc.1", "logged", "active"),
    ]

    move(engine, "0001")
    assert {c["name"] for c in inspect(engine).get_columns("acgs_version")} == old
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT semver FROM acgs_version ORDER BY version"))
        assert [row[0] for row in kept] == ["1.0.0", "1.10.2", "2.0.0-rc.1"]
    move(engine, "0002")


VOTE = (
    "INSERT INTO acgs_approval (request_id, actor, approved, comment, manifest_digest, created_ms) "
    "VALUES (1, :actor, :approved, '', 'd', 1)"
)


@pytest.fixture(params=list(Kind))
def whole(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Engine]:
    """A database with every table, MLflow's too."""
    engine = open_engine(databases.new(request.param))
    yield engine
    engine.dispose()


def test_votes_of_an_earlier_release_stay_and_keep_no_digests(whole: Engine) -> None:
    engine = whole
    move(engine, "0011")
    old = {c["name"] for c in inspect(engine).get_columns("acgs_approval")}
    with engine.begin() as connection:
        for actor in ("ann@cli", "bob@cli"):
            connection.execute(text(VOTE), {"actor": actor, "approved": True})
    move(engine, "0014")
    with engine.connect() as connection:
        found = ballots.ballots(connection, 1)
    assert [(one.voter, one.shown, one.screen, one.ended) for one in found] == [
        ("ann", None, None, None),
        ("bob", None, None, None),
    ]
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("UPDATE acgs_approval SET person = 'one'"))
    with engine.begin() as connection:
        ended = "UPDATE acgs_approval SET person = 'one', ended = 'void' WHERE actor = 'bob@cli'"
        connection.execute(text(ended))
        connection.execute(text("UPDATE acgs_approval SET person = 'one'"))

    move(engine, "0011")
    assert {c["name"] for c in inspect(engine).get_columns("acgs_approval")} == old
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT actor FROM acgs_approval"))
        assert [row[0] for row in kept] == ["ann@cli"]
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(VOTE), {"actor": "ann@cli", "approved": False})
    move(engine, "0014")
