"""An open server keeps what callers say of themselves, and says that nobody checked it."""

from __future__ import annotations

import json
from typing import Any

import httpx

from infra.identity.open_mode import NOTICE
from tests.support.credit import register, unique
from tests.support.platform import Platform


def events_of(platform: Platform, name: str) -> list[dict[str, Any]]:
    return list(platform.json("audit", "log", "--name", name))


def test_an_event_keeps_the_claimed_name_and_that_it_is_a_claim(platform: Platform) -> None:
    version = register(platform, unique("credit-claims"))

    httpx.post(
        f"{platform.url}/api/2.0/mlflow/model-versions/transition-stage",
        json={
            "name": version.name,
            "version": "1",
            "stage": "Staging",
            "archive_existing_versions": False,
        },
        auth=("Mallory", ""),
        timeout=150,
    )

    found = events_of(platform, version.name)
    [asked] = [event for event in found if event["type"] == "transition_request.created"]
    assert asked["actor"] == "Mallory@127.0.0.1"
    assert asked["principal"] == {
        "name": "Mallory",
        "key": "mallory",
        "kind": "person",
        "groups": [],
        "source": "claim",
    }
    [granted] = [event for event in found if event["type"] == "transition_request.granted"]
    assert (granted["actor"], granted["principal"]) == ("acgs", None)


def test_status_health_and_pages_say_that_names_are_claims(platform: Platform) -> None:
    version = register(platform, unique("credit-notice"))

    page = httpx.get(f"{platform.url}/acgs/lineage/{version.name}/1")

    assert NOTICE in page.text
    assert platform.json("status")["notice"] == NOTICE
    assert NOTICE in platform.acgs("status").stdout
    # Other tests leave damaged versions here, which health reports too.
    health = json.loads(platform.acgs("health", "--json").stdout)
    probes = {probe["probe"]: probe for probe in health["probes"]}
    assert probes["identity"]["detail"] == NOTICE
