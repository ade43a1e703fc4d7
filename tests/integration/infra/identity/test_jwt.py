"""JWTs on a real server, by MLflow's own client."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from registry.sdk import GovernedClient
from tests.integration.infra.identity.conftest import Site
from tests.support.credit import register, unique


def use(patch: pytest.MonkeyPatch, token: str) -> None:
    patch.setenv("MLFLOW_TRACKING_TOKEN", token)


def test_mlflow_s_client_needs_nothing_but_its_own_variable(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = ["CN=risk,OU=credit", "\u0440\u0438\u0441\u043a"]
    use(monkeypatch, site.issuer.token(sub="Ren\u00e9e", groups=groups))
    version = register(site.platform, unique("credit-jwt"))

    with pytest.raises(MlflowException, match="pending: request"):
        site.platform.stage(version.name, 1, "Production")

    found: list[dict[str, Any]] = site.platform.json("audit", "log", "--name", version.name)
    by_type = {event["type"]: event for event in found}
    for kind in ("model_version.created", "transition_request.created"):
        assert by_type[kind]["actor"] == "Ren\u00e9e@127.0.0.1"
        assert by_type[kind]["principal"] == {
            "name": "Ren\u00e9e",
            "key": "ren\u00e9e",
            "kind": "person",
            "groups": groups,
            "source": "jwt",
        }


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"exp": int(time.time()) - 3600}, "auth.expired"),
        ({"aud": "another-server"}, "auth.audience"),
        ({"iss": "https://evil.example"}, "auth.issuer"),
    ],
)
def test_mlflow_s_client_shows_why_a_token_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], code: str
) -> None:
    use(monkeypatch, site.issuer.token(**more))

    with pytest.raises(MlflowException, match=rf"\[{code}\] expected") as told:
        MlflowClient(site.url, site.url).search_experiments()

    assert told.value.error_code == "UNAUTHENTICATED"


def test_a_name_without_a_proof_is_no_credential(site: Site) -> None:
    answer = httpx.get(
        f"{site.url}/api/2.0/mlflow/experiments/search", auth=("alice", ""), trust_env=False
    )

    assert answer.status_code == 401
    assert answer.json()["acgs_code"] == "auth.missing"
    assert answer.headers["www-authenticate"] == 'Bearer realm="acgs"'


def test_our_own_client_sends_the_same_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, site.issuer.token())
    version = register(site.platform, unique("credit-sdk"))

    assert len(GovernedClient(site.url).versions(version.name)) == 1


def test_the_platform_s_health_names_the_issuer(site: Site) -> None:
    found = site.platform.acgs("health", "--json").stdout

    assert f"jwt: {site.issuer.url}, keys: 1" in found


def test_an_issuer_that_is_away_at_first_is_a_matter_of_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.issuer.away = True
    unknown = site.issuer.token(headers={"kid": "new"})
    answer = httpx.get(
        f"{site.url}/api/2.0/mlflow/experiments/search",
        headers={"authorization": f"Bearer {unknown}"},
        trust_env=False,
    )
    site.issuer.away = False

    assert answer.status_code in {401, 503}, "never open"
    assert answer.json()["acgs_code"] in {"auth.key", "auth.unavailable"}
