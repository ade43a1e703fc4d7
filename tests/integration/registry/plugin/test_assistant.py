"""Nobody reaches MLflow's assistant, which runs commands as the server's user."""

from __future__ import annotations

import httpx
import pytest

from tests.support.mlflow_routes import routes
from tests.support.platform import Platform

ROUTES = [(method, path) for method, path in routes() if "/assistant" in path]


def test_mlflow_has_an_assistant_to_refuse() -> None:
    assert len(ROUTES) > 5


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("spelled", [str, lambda path: path.replace("assistant", "%61ssistant")])
def test_every_call_of_the_assistant_is_refused(
    embedded_platform: Platform, method: str, path: str, spelled: type[str]
) -> None:
    with httpx.Client(base_url=embedded_platform.url, trust_env=False) as client:
        answer = client.request(method, spelled(path), json={"message": "hi"})
    assert answer.status_code == 403
    if method != "HEAD":
        assert answer.json()["error_code"] == "registry.assistant_refused"
