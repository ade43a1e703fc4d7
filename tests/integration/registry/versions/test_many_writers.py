"""Fifty writers at once on two servers of one database: none is lost, one wins at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from infra.settings import Settings
from registry.bootstrap import Registry, open_registry
from tests.support.platform import write_constitution
from tests.support.replicas import replicas
from tests.support.stores import Kind, put_database

WRITERS = 50
NAME = "observed-by-many"
STALL_SECONDS = 0.04
"""What TCP waits for where an answer is sent in two pieces (Nagle and delayed ACK)."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[str], Registry]]:
    root: Path = tmp_path_factory.mktemp("many")
    write_constitution(root)
    url, more = "", {}
    if request.param == "sqlite":
        put_database(root)
    else:
        url = request.getfixturevalue("databases").new(Kind.POSTGRES)
        more = {"ACGS_DATABASE_URL": url}
    with replicas(root, 2, **more) as urls:
        registry = open_registry(Settings(storage_root=root, database_url=url))
        MlflowClient(urls[0], urls[0]).create_registered_model(NAME)
        yield urls, registry
        registry.engine.dispose()


def at_once(urls: list[str], call: Callable[[MlflowClient, int], object]) -> list[object]:
    """Let every writer ask at the same time, every second one the other server."""

    def ask(writer: int) -> object:
        url = urls[writer % len(urls)]
        try:
            return call(MlflowClient(url, url), writer)
        except MlflowException as err:
            return err

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(ask, range(WRITERS)))


def test_every_registration_gets_a_version_of_its_own(site: tuple[list[str], Registry]) -> None:
    urls, registry = site

    def register(client: MlflowClient, writer: int) -> int:
        run = client.create_run("0").info
        relative = run.artifact_uri.removeprefix("mlflow-artifacts:/")
        folder = registry.gate.settings.storage_root / "artifacts" / relative / "model"
        folder.mkdir(parents=True)
        (folder / "MLmodel").write_text(f"flavors: {{}}\n# {writer}\n")
        made = client.create_model_version(NAME, f"{run.artifact_uri}/model", run.run_id)
        return int(made.version)

    numbers = at_once(urls, register)
    assert sorted(numbers, key=str) == sorted(range(1, WRITERS + 1), key=str)
    known = registry.versions.versions(NAME)
    assert len(known) == WRITERS
    assert len({version.semver for version in known}) == WRITERS
    assert all(version.manifest_digest for version in known)


def test_one_promotion_wins_at_a_time_and_the_champion_is_what_is_in_production(
    site: tuple[list[str], Registry],
) -> None:
    urls, registry = site

    def promote(client: MlflowClient, writer: int) -> str:
        moved = client.transition_model_version_stage(NAME, str(writer + 1), "Production")
        return str(moved.current_stage)

    answers = at_once(urls, promote)
    clear = [
        answer
        for answer in answers
        # Archived: it won, and the next winner came before its own answer was read.
        if answer in {"Production", "Archived"}
        or (isinstance(answer, MlflowException) and answer.error_code == "PERMISSION_DENIED")
    ]
    assert len(clear) == WRITERS, [answer for answer in answers if answer not in clear]
    client = MlflowClient(urls[0], urls[0])
    standing = [
        int(version.version)
        for version in client.search_model_versions(f"name='{NAME}'", max_results=WRITERS)
        if version.current_stage == "Production"
    ]
    assert len(standing) == 1
    assert registry.stages.champion_number(NAME) == standing[0]
    moves = [
        (event.version, event.data["to_stage"])
        for event in registry.audit.events(name=NAME, limit=10_000)
        if event.type == "model_version.transitioned_stage"
    ]
    crowned = None
    for version, stage in moves:
        if stage == "Production":
            assert crowned is None or (crowned, "Archived") in moves
            crowned = version
    assert crowned == standing[0]


def test_no_answer_waits_for_a_delayed_ack(site: tuple[list[str], Registry]) -> None:
    for url in site[0]:
        with httpx.Client(base_url=url, trust_env=False) as client:
            client.get("/health")
            taken = []
            for _ in range(20):
                began = time.monotonic()
                client.get("/health")
                taken.append(time.monotonic() - began)
        assert min(taken) < STALL_SECONDS
