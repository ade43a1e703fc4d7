"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import Platform, started


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The whole platform, shared by the tests of a run: each uses model names of its own."""
    root: Path = tmp_path_factory.mktemp("platform")
    with started(root) as platform:
        yield platform
