from __future__ import annotations

import pytest

from tests.support.honest_folders import HonestFolders


@pytest.fixture(scope="session")
def honest_folders(tmp_path_factory: pytest.TempPathFactory) -> HonestFolders:
    """Honest models as MLflow writes them, each written once for all tests."""
    return HonestFolders(tmp_path_factory.mktemp("honest"))
