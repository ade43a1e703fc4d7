"""A real authenticating proxy in front of a real server, and those who go past it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient

from tests.integration.infra.identity.conftest import Site
from tests.support.front_proxy import proxied

EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"
PASSWORD = "correct horse"


def secret_of(site: Site) -> str:
    return (site.platform.root / "secrets" / "proxy.secret").read_text()


@pytest.fixture(scope="module")
def front(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("front")
    with proxied(folder, site.url, secret_of(site), {"dora": PASSWORD}) as url:
        yield url


def test_who_logs_in_at_the_proxy_is_known_to_the_server(
    site: Site, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "dora")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    name = "credit-by-proxy"

    MlflowClient(front, front).create_registered_model(name)
    MlflowClient(front, front).rename_registered_model(name, f"{name}-2")

    [event] = site.platform.json("audit", "log", "--name", f"{name}-2")
    assert event["principal"]["source"] == "proxy"
    assert event["principal"]["name"] == "dora"


def test_a_client_cannot_name_somebody_else_through_the_proxy(site: Site, front: str) -> None:
    headers = {"x-auth-request-user": "admin", "x-acgs-proxy-secret": "guess"}

    answer = httpx.get(
        front + EXPERIMENTS, auth=("dora", PASSWORD), headers=headers, trust_env=False
    )

    assert answer.status_code == 200


def test_a_header_with_the_proxy_s_name_but_without_its_secret_is_refused(site: Site) -> None:
    answer = httpx.get(
        site.url + EXPERIMENTS, headers={"x-auth-request-user": "dora"}, trust_env=False
    )

    assert answer.status_code == 401
    assert answer.json()["acgs_code"] == "auth.proxy_secret"


def test_a_forged_header_is_refused_beside_a_good_token(site: Site) -> None:
    headers = {
        "x-auth-request-user": "dora",
        "authorization": f"Bearer {site.issuer.token()}",
    }

    answer = httpx.get(site.url + EXPERIMENTS, headers=headers, trust_env=False)

    assert answer.json()["acgs_code"] == "auth.proxy_secret"


def test_two_good_credentials_of_two_people_are_refused(site: Site) -> None:
    headers = {
        "x-auth-request-user": "dora",
        "x-acgs-proxy-secret": secret_of(site),
        "authorization": f"Bearer {site.issuer.token(sub='alice')}",
    }

    answer = httpx.get(site.url + EXPERIMENTS, headers=headers, trust_env=False)

    assert answer.json()["acgs_code"] == "auth.conflict"
