"""A site for plain MLflow to fill, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from tests.support.adoption_site import Site, observing


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Nothing is in its database, not even MLflow's tables."""
    root = tmp_path / "root"
    observing(root)
    url = f"sqlite:///{tmp_path / 'mlflow.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    engine = create_engine(url)
    yield Site(root, url, engine)
    engine.dispose()
