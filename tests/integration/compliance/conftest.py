from __future__ import annotations

from collections.abc import Iterator

import pytest

from compliance.sandbox import Limits, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A warm sandbox with little patience."""
    with Sandbox(Limits(deadline_seconds=4.0, memory_bytes=4_000_000_000)) as found:
        found.start()
        yield found
