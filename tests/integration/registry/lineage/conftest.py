"""The same tests on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.registry.lineage.world import World, open_world
from tests.support.stores import Kind


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = request.getfixturevalue("databases").new(Kind(request.param))
    opened = open_world(tmp_path_factory.mktemp(f"lineage-{request.param}"), url)
    yield opened
    opened.registry.engine.dispose()
    opened.store.engine.dispose()
    opened.tracking.engine.dispose()


@pytest.fixture
def name(world: World) -> str:
    """A registered model that no other test uses."""
    return world.name()
