"""A running platform whose servers restart, refuse and fill up: what its callers see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlparse

import httpx
import pytest

from infra.servers.postgres import Postgres
from infra.servers.s3 import S3
from tests.support.credit import register, unique
from tests.support.platform import Platform

BACK_SECONDS = 30


@pytest.fixture
def platform(server_platform: Platform) -> Iterator[Platform]:
    """The platform on servers, healthy again after the test."""
    yield server_platform
    limit = time.monotonic() + BACK_SECONDS
    while not server_platform.ready() and time.monotonic() < limit:
        time.sleep(0.2)


def put(platform: Platform, data: bytes) -> httpx.Response:
    path = f"{platform.url}/api/2.0/mlflow-artifacts/artifacts/0/{unique('run')}/file"
    return httpx.put(path, content=data, timeout=60, trust_env=False)


def bucket(platform: Platform) -> str:
    return urlparse(platform.settings.artifacts_destination).netloc


def test_a_database_that_was_restarted_is_used_again_by_every_role(
    platform: Platform, postgres: Postgres
) -> None:
    name = unique("credit")
    version = register(platform, name)
    pids = platform.pids()
    postgres.restart()
    assert platform.stage(name, version.number, "Production").current_stage == "Production"
    assert platform.pids() == pids


def test_a_database_that_is_away_is_a_503_and_an_error_that_names_the_setting(
    platform: Platform, postgres: Postgres
) -> None:
    name = unique("credit")
    register(platform, name)
    postgres.kill()
    try:
        url = f"{platform.url}/api/2.0/mlflow/registered-models/get"
        answer = httpx.get(url, params={"name": name}, timeout=60, trust_env=False)
        assert answer.status_code == 503
        assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        listed = platform.acgs("model", "list")
        assert listed.returncode == 3
        assert "ACGS_DATABASE_URL" in listed.stderr
    finally:
        postgres.start()
    assert platform.client().get_registered_model(name).name == name


def test_a_full_bucket_is_a_507_that_is_not_sent_again(platform: Platform, s3: S3) -> None:
    s3.admin.set_quota(bucket(platform), 1)
    try:
        answer = put(platform, b"x" * 1000)
        assert answer.status_code == 507
        assert "no room" in answer.json()["message"]
    finally:
        s3.admin.set_quota(bucket(platform), 0)
    assert put(platform, b"x" * 1000).status_code == 200


def test_an_object_store_that_is_away_is_a_503_and_comes_back(platform: Platform, s3: S3) -> None:
    s3.kill()
    try:
        answer = put(platform, b"x")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "did not answer" in answer.json()["message"]
    finally:
        s3.start()
    assert put(platform, b"x").status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "infra.store_credentials"),
        ({"ACGS_ARTIFACT_ROOT": "s3://no-such-bucket/acgs"}, "infra.bucket_missing"),
    ],
)
def test_preparing_on_a_store_that_does_not_work_says_so_at_once(
    platform: Platform, change: dict[str, str], code: str
) -> None:
    wrong = Platform(platform.root, {**platform.environment, **change})
    done = wrong.acgs("prepare")
    assert done.returncode == 3
    assert f"error [{code}]" in done.stderr
    assert "what to do" in done.stderr
