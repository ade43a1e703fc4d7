"""Installations of the tests of dossiers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.registry.dossier import kit
from tests.integration.registry.dossier.kit import Office
from tests.support.stores import Databases, Kind


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Office]:
    """An installation on SQLite; tests use names of their own."""
    root = tmp_path_factory.mktemp("dossiers")
    with kit.office(root, databases.new(Kind.SQLITE)) as opened:
        yield opened


@pytest.fixture(scope="module")
def name(office: Office) -> str:
    """A model that lived for an afternoon; no test changes it."""
    return kit.afternoon(office)
