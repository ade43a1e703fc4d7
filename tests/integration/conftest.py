"""Fixtures of the integration tests."""

from __future__ import annotations

import pytest

from tests.support.platform import Platform


@pytest.fixture(scope="session")
def platform(embedded_platform: Platform) -> Platform:
    """The whole platform, shared by the tests of a run: each uses model names of its own."""
    return embedded_platform
