from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from infra.errors import UsageError


def test_mlflows_own_server_does_not_serve_the_platforms_app() -> None:
    [entry] = entry_points(group="mlflow.app", name="acgs")
    with pytest.raises(UsageError, match="found mlflow server --app-name acgs") as told:
        entry.load()(None)
    assert told.value.hint is not None
    assert "acgs run registry" in told.value.hint
