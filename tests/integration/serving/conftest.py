"""What serving's integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.serving import kit


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def platform(tmp_path: Path, template: Path) -> Iterator[kit.Platform]:
    with kit.platform(tmp_path, template) as made:
        yield made


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[kit.Backends]:
    made = kit.Backends(tmp_path)
    try:
        yield made
    finally:
        made.close()
