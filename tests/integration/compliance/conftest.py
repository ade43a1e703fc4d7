from __future__ import annotations

from collections.abc import Iterator

import pytest

from compliance.sandbox import Limits, Sandbox

LIMITS = Limits(deadline_seconds=4.0, memory_bytes=4_000_000_000)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A warm sandbox with little patience."""
    with Sandbox(LIMITS) as found:
        found.start()
        yield found


@pytest.fixture(scope="session")
def unjudging() -> Iterator[Sandbox]:
    """One that loads a model's file as it is, as if every model had passed the scan."""
    with Sandbox(LIMITS, rebuilds=False) as found:
        found.start()
        yield found
