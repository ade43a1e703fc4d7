"""The registry's server with lists of hosts and origins, on an old storage root."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.private import too_open
from tests.support.platform import write_constitution
from tests.support.replicas import replicas
from tests.support.stores import put_database

ORIGIN = "https://app.example.org"
SEARCH = "/api/2.0/mlflow/experiments/search"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names")
    write_constitution(folder)
    put_database(folder)
    old = folder / "logs" / "old.log"
    old.parent.mkdir(mode=0o755)
    old.write_text("x")
    for path in (folder, old.parent):
        path.chmod(0o755)
    for path in (old, folder / "registry.db"):
        path.chmod(0o664)
    return folder


@pytest.fixture(scope="module")
def url(root: Path) -> Iterator[str]:
    lists = {"ACGS_ALLOWED_HOSTS": "models.example.org", "ACGS_ALLOWED_ORIGINS": f" {ORIGIN} ,"}
    with replicas(root, 1, **lists) as [found]:
        yield found


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "models.example.org"}, 200),
        ({"host": "Models.Example.Org:443"}, 200),
        ({"host": "evil.example"}, 403),
        ({"origin": ORIGIN}, 200),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "http://models.example.org", "host": "models.example.org"}, 200),
    ],
)
def test_a_call_gets_its_status(url: str, headers: dict[str, str], status: int) -> None:
    for method in ("GET", "POST"):
        body = {"max_results": 1} if method == "POST" else None
        answer = httpx.request(
            method, url + SEARCH + "?max_results=1", json=body, headers=headers, trust_env=False
        )
        assert answer.status_code == status, answer.text
        if headers.get("origin") == ORIGIN:
            assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize(("origin", "may"), [(ORIGIN, True), ("https://evil.example", False)])
def test_a_preflight_is_answered_for_allowed_pages_alone(url: str, origin: str, may: bool) -> None:
    asks = {"origin": origin, "access-control-request-method": "POST"}
    answer = httpx.options(url + SEARCH, headers=asks, trust_env=False)
    assert answer.is_success is may
    assert ("access-control-allow-origin" in answer.headers) is may


def test_an_old_root_is_made_private_before_the_server_starts(url: str, root: Path) -> None:
    assert httpx.get(url + "/health", trust_env=False).status_code == 200
    # The log of this test's own server is made by the test.
    assert [path for path in too_open(root) if not path.name.startswith("replica-")] == []
    assert stat.S_IMODE((root / "registry.db").stat().st_mode) == 0o600
