"""What the platform promises, on each pair of stores: embedded, and on servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import PAIRS, Platform
from tests.support.stores import Databases, Kind
from tests.support.webhooks import Outbox, open_outbox


@pytest.fixture(params=list(PAIRS))
def platform(request: pytest.FixtureRequest) -> Platform:
    """The whole platform on one pair of stores; each test uses model names of its own."""
    found: Platform = request.getfixturevalue(PAIRS[request.param])
    return found


@pytest.fixture(params=list(Kind))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each database the platform runs on."""
    found: Kind = request.param
    return found


@pytest.fixture
def outbox(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Outbox]:
    """An outbox and its loop, on a database of its own."""
    with open_outbox(tmp_path, databases.new(kind)) as opened:
        yield opened
