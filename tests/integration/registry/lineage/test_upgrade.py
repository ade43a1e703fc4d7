"""A database from before there was a history, brought up to date with everything in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from infra.stores import migrations
from registry.component import component
from tests.integration.registry.lineage.world import NOON, World, minute, open_world
from tests.support.stores import Kind


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = request.getfixturevalue("databases").new(Kind(request.param))
    opened = open_world(tmp_path, url)
    yield opened
    for engine in (opened.registry.engine, opened.store.engine, opened.tracking.engine):
        engine.dispose()


def test_what_holds_a_place_and_what_came_before_are_found_again(old: World) -> None:
    served, plain = old.name(), old.name()
    old.registry.endpoints.create_endpoint(served, "acgs", {}, "ada", NOON)
    first, second = old.register(served), old.register(served)
    old.serve(first, minute(1))
    old.serve(second, minute(10))
    champion = old.register(plain)
    old.promote(champion, minute(20))
    # Past the gate, as plain MLflow would: what is copied is judged, and nobody judges here.
    mlflow_store = SqlAlchemyStore(old.registry.gate.settings.sqlalchemy_url)
    copied = mlflow_store.create_model_version(plain, f"models:/{served}/{first.version}")
    mlflow_store.engine.dispose()
    copy = old.registry.takeover.adopt(plain, int(copied.version), "ada")
    origins = copy.origin_uid, copy.predecessor_uid
    assert origins == (first.uid, champion.uid)
    now = {name: _told(old, name, minute(30)) for name in (served, plain)}

    migrations.downgrade(old.registry.gate.settings, component, "0002")
    migrations.upgrade(old.registry.gate.settings, [component])

    assert {name: _told(old, name, minute(30)) for name in (served, plain)} == now
    assert old.registry.versions.version(second.uid).predecessor_uid == first.uid
    assert old.registry.versions.version(first.uid).predecessor_uid is None
    again = old.registry.versions.version(copy.uid)
    assert (again.origin_uid, again.predecessor_uid) == origins
    assert old.traffic(served, minute(10)) == {second.semver: 100}


def _told(world: World, name: str, at: datetime) -> tuple[dict[str, int], dict[str, list[str]]]:
    return world.traffic(name, at), world.held(name, at)
