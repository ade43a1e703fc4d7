"""Nobody passes a door of a server that checks names without a credential."""

from __future__ import annotations

import httpx
import pytest

from infra.component import components
from infra.identity.middleware import is_unprotected
from tests.integration.infra.identity.conftest import Site
from tests.support.mlflow_routes import routes


def doors(site: Site) -> list[tuple[str, str]]:
    own = [
        (method, route.path)  # type: ignore[attr-defined]
        for component in components()
        for route in component.routes(site.platform.settings)
        for method in route.methods or ()  # type: ignore[attr-defined]
    ]
    return [*routes(), *own]


def test_every_route_asks_who_is_there(site: Site) -> None:
    asked = [door for door in doors(site) if not is_unprotected(*door)]
    assert len(asked) > 300
    with httpx.Client(base_url=site.url, trust_env=False) as client:
        open_doors = [
            (method, path)
            for method, path in asked
            if client.request(method, path).status_code != 401
        ]
    assert open_doors == []


def test_what_is_answered_to_everybody_is_known_by_name(site: Site) -> None:
    found = {path for method, path in doors(site) if is_unprotected(method, path)}

    assert {path for path in found if "server-info" not in path} == {
        "/health",
        "/version",
        "/static-files/1",
        "/acgs/ready",
    }


@pytest.mark.parametrize("path", ["/API/2.0/mlflow/runs/create", "//api/2.0/mlflow/runs/create"])
def test_another_spelling_of_a_route_is_no_way_around(site: Site, path: str) -> None:
    assert httpx.post(site.url + path, trust_env=False).status_code == 401
