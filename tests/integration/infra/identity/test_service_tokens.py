"""A CI job with a service token, from the command line to MLflow's client."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.integration.infra.identity.conftest import Site
from tests.support.credit import register, unique

VERBS = ("read", "log", "register", "describe", "ask")


def made(site: Site, service: str, *more: str, verbs: tuple[str, ...] = VERBS) -> str:
    asked = [part for verb in verbs for part in ("--verb", verb)]
    recovering = ("--recover", "nobody else is there")
    done = site.platform.acgs("token", "create", service, *asked, *more, *recovering, check=True)
    return done.stdout.strip()


def test_a_job_registers_and_asks_as_far_as_its_token_goes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = made(site, "ci", "--name", "credit-ci*", "--stage", "Staging")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    version = register(site.platform, unique("credit-ci"))

    with pytest.raises(MlflowException, match="pending: request"):
        site.platform.stage(version.name, 1, "Staging")
    client = site.platform.client()
    refused: list[Callable[[], object]] = [
        lambda: site.platform.stage(version.name, 1, "Production"),
        lambda: client.set_registered_model_alias(version.name, "champion", "1"),
        lambda: client.create_registered_model(unique("fraud")),
        lambda: client.delete_model_version(version.name, "1"),
    ]
    for ask in refused:
        with pytest.raises(MlflowException, match="expected a service token that covers") as told:
            ask()
        assert told.value.error_code == "PERMISSION_DENIED"

    found = site.platform.json("audit", "log", "--name", version.name)
    [asked] = [event for event in found if event["type"] == "transition_request.created"]
    assert asked["actor"] == "ci@127.0.0.1"
    assert asked["principal"]["kind"] == "service"
    assert asked["principal"]["source"] == "service-token"


def test_a_token_is_a_password_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "whatever")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", made(site, "old-ci", "--name", "*"))

    assert MlflowClient(site.url, site.url).search_experiments()


def test_a_token_to_read_changes_nothing(site: Site) -> None:
    header = {"authorization": "Bearer " + made(site, "reader", "--name", "*", verbs=("read",))}
    with httpx.Client(base_url=site.url, headers=header, trust_env=False) as client:
        assert client.get("/acgs/api/v1/requests").status_code == 200
        assert client.post("/api/2.0/mlflow/registered-models/search").status_code != 403
        for path in ("/api/2.0/mlflow/experiments/create", "/api/2.0/mlflow/webhooks", "/graphql"):
            answer = client.post(path, json={"name": "x"})
            assert (answer.status_code, answer.json()["acgs_code"]) == (403, "auth.scope"), path


def test_a_revoked_token_ends_at_once_and_the_list_shows_its_use(site: Site) -> None:
    token = made(site, "leaver", "--name", "*")
    header = {"authorization": f"Bearer {token}"}
    path = f"{site.url}/acgs/api/v1/requests"
    assert httpx.get(path, headers=header, trust_env=False).status_code == 200

    site.platform.acgs("token", "revoke", "leaver", "--recover", "she left", check=True)

    answer = httpx.get(path, headers=header, trust_env=False)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "auth.token_revoked")
    [row] = [row for row in site.platform.json("token", "list") if row["service"] == "leaver"]
    assert row["state"] == "revoked"
    assert row["last_used_at"]
    assert token not in str(row)


def test_a_token_is_made_in_the_name_of_who_asks_the_server_for_it(site: Site) -> None:
    service = unique("robot")
    asked = {
        "service": service, "names": ["*"], "stages": ["*"], "verbs": ["read"], "days": 1,
    }  # fmt: skip
    url = f"{site.url}/acgs/api/v1/operations/registry/create_token"
    header = {"authorization": f"Bearer {site.issuer.token(sub='alice')}"}

    assert httpx.post(url, json=asked, trust_env=False).status_code == 401
    made = httpx.post(url, json=asked, headers=header, trust_env=False).json()["result"]

    token = {"authorization": f"Bearer {made['text']}"}
    assert httpx.get(f"{site.url}/acgs/api/v1/requests", headers=token, trust_env=False).is_success
    [event] = site.platform.json("audit", "log", "--name", service)
    assert (event["type"], event["actor"]) == ("service_token.created", "alice@127.0.0.1")
    assert "recovered_because" not in event["data"]


def test_a_token_made_on_the_database_says_so(site: Site) -> None:
    service = unique("robot")
    asked = ("token", "create", service, "--name", "*", "--verb", "read")

    refused = site.platform.acgs(*asked)
    made(site, service, "--name", "*", verbs=("read",))

    assert (refused.returncode, "infra.not_running" in refused.stderr) == (3, True)
    [event] = site.platform.json("audit", "log", "--name", service)
    assert event["actor"].endswith("@cli")
    assert event["data"]["recovered_because"] == "nobody else is there"
