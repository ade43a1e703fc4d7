"""Model servers that several files ask; none of their tests leaves a trace in the answers."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.integration.serving import models
from tests.support.runtime import Runtime, running

Mixed = tuple[Runtime, list[str], pd.DataFrame]


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    """A model of text, numbers and booleans, with its own answers and the table they are of."""
    folder = tmp_path_factory.mktemp("mixed")
    model, table = models.save_mixed(folder / "model")
    with running(folder / "model", folder / "run") as runtime:
        yield runtime, model.predict(table).tolist(), table


@pytest.fixture(scope="session")
def mixed_server(mixed: Mixed) -> Runtime:
    """The server of `mixed` alone."""
    return mixed[0]
