"""Damage to the stored files of a version that serves: real model servers behind Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.clock import utc_now
from infra.processes.process import children
from infra.servers.s3 import S3
from infra.settings import Settings
from registry.artifacts.bootstrap import artifacts_of
from registry.artifacts.settings import ArtifactSettings
from registry.domain.records import Ask, VersionRecord
from registry.domain.values import RequestKind, Stage
from registry.errors import GateClosedError
from serving.settings import ServingSettings, gateway_url
from tests.integration.registry.artifacts.places import Bucket, Folder, Place, Stored
from tests.integration.serving import models
from tests.integration.serving.kit import (
    NAME,
    PATH,
    Platform,
    deploying,
    running,
    wait_until,
)
from tests.ports import free_ports
from tests.support.stores import Databases, Kind

Pair = tuple[Settings, Place]


@dataclass
class Served:
    """Two versions that answer differently; the first one serves."""

    platform: Platform
    stored: Stored
    first: VersionRecord
    second: VersionRecord
    answers: dict[str, list[int]]
    rows: list[list[float]]

    def serves(self, version: VersionRecord) -> bool:
        """Whether the endpoint answers, and answers what this version was trained to answer."""
        answer = httpx.post(
            gateway_url(self.platform.settings) + PATH,
            json={"data": {"ndarray": self.rows}},
            timeout=20,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-acgs-model-version"] == version.semver
        return bool(answer.json()["data"]["ndarray"] == self.answers[version.uid])

    def ask_for(self, version: VersionRecord) -> None:
        ask = Ask(RequestKind.TRANSITION, version, NAME, Stage.PRODUCTION, "ann")
        self.platform.registry.gate.open_request(ask, utc_now())

    def deploy(self, version: VersionRecord, phase: str) -> tuple[dict[str, Any], ...]:
        """Roll a version out whose request was granted; return why it was rolled back, if so."""
        done = self.platform.wait_phase(
            self.platform.roll_out(version), "succeeded", "rolled_back", seconds=60
        )
        assert done.phase == phase, done.reasons
        self._only_one_runs()
        return tuple(dict(reason) for reason in done.reasons)

    def go_back(self) -> None:
        back = self.platform.registry.rollbacks.request_rollback(
            NAME, "ann", "complaints", utc_now()
        )
        assert back.candidate_uid == self.first.uid
        self.platform.wait_phase(back, "succeeded", seconds=60)
        self._only_one_runs()

    def _only_one_runs(self) -> None:
        """Wait for the other's model server to end, so that a new deployment starts one."""
        settings = self.platform.settings
        wait_until(
            lambda: sum(child.name.startswith("model-") for child in children(settings)) == 1,
            "one model server runs",
        )


def folders(root: Path, databases: Databases, _s3: Callable[[], S3]) -> Pair:
    gateway, admin = free_ports(2)
    settings = Settings(
        storage_root=root,
        database_url=databases.new(Kind.SQLITE),
    ).having(
        ArtifactSettings(replica=str(root / "replica")),
        ServingSettings(gateway_port=gateway, gateway_admin_port=admin),
    )
    return settings, Folder(root / "store")


def servers(root: Path, databases: Databases, s3: Callable[[], S3]) -> Pair:
    gateway, admin = free_ports(2)
    bucket = s3().new_bucket()
    settings = Settings(
        storage_root=root,
        database_url=databases.new(Kind.POSTGRES),
        artifact_root=f"s3://{bucket}/root",
        s3_endpoint=s3().endpoint,
    ).having(
        ArtifactSettings(replica=f"s3://{s3().new_bucket()}/replica"),
        ServingSettings(gateway_port=gateway, gateway_admin_port=admin),
    )
    return settings, Bucket(s3().client(), bucket)


@pytest.fixture(scope="module", params=[folders, servers], ids=["sqlite+folder", "postgres+s3"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, databases: Databases
) -> Iterator[Served]:
    def s3() -> S3:
        found = request.getfixturevalue("s3")
        assert isinstance(found, S3)
        return found

    with pytest.MonkeyPatch.context() as patch:
        if request.param is servers:
            for name, value in s3().environment().items():
                patch.setenv(name, value)
        settings, place = request.param(tmp_path_factory.mktemp("root"), databases, s3)
        with running(settings) as platform, deploying(settings, command=None):
            yield _serving(platform, place)


def _serving(platform: Platform, place: Place) -> Served:
    def store(folder: Path) -> str:
        for file in folder.rglob("*"):
            if file.is_file():
                place.write(folder.name, str(file.relative_to(folder)), file.read_bytes())
        return place.uri(folder.name)

    platform.store = store
    artifacts = artifacts_of(platform.settings, platform.registry)
    platform.endpoint(strategy="immediate", ready_seconds=60)
    versions, answers, rows = [], {}, []
    for opposite in (False, True):
        trained: list[Any] = []
        save = partial(models.save_classifier, opposite=opposite)
        version = platform.register(partial(_train, save, trained))
        model, features = trained
        rows = features.to_numpy()[:3].tolist()
        answers[version.uid] = [int(value) for value in model.predict(features[:3])]
        artifacts.replication.replicate(version)
        artifacts.statements.sign(version)
        versions.append(version)
    first, second = versions
    made = Served(platform, Stored(place, artifacts), first, second, answers, rows)
    made.deploy(first, "succeeded")
    return made


def _train(save: Callable[[Path], tuple[Any, Any]], trained: list[Any], folder: Path) -> None:
    trained.extend(save(folder))


DAMAGE: dict[str, tuple[Callable[[Stored, VersionRecord], None], tuple[str, ...]]] = {
    "flip one byte": (partial(Stored.flip, file="model.skops"), ("model.skops: content changed",)),
    "delete one file": (Stored.lose, ("MLmodel: missing",)),
    "add one file": (Stored.add, ("data/evil.py: added",)),
    "swap two files": (
        partial(Stored.swap, one="MLmodel", other="conda.yaml"),
        ("MLmodel: swapped with conda.yaml", "conda.yaml: swapped with MLmodel"),
    ),
}


def damaged(served: Served, how: str) -> str:
    """Damage the version that serves, and see that this is found; return the first change."""
    damage, changes = DAMAGE[how]
    first, second, artifacts = served.first, served.second, served.stored.artifacts
    damage(served.stored, first)
    walk = artifacts.scrubbing.begin_pass(NAME)
    found = {record.uid: checked for record, checked in artifacts.scrubbing.walk(walk, NAME)}
    assert found[first.uid].changes == changes
    assert found[second.uid].ok
    with pytest.raises(GateClosedError, match=r"artifact\.changed") as asked:
        served.ask_for(first)
    assert changes[0] in str(asked.value)
    return changes[0]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_served_version_that_is_damaged_answers_on_and_is_repaired(
    served: Served, how: str
) -> None:
    before = served.stored.content(served.first)
    assert served.serves(served.first)
    damaged(served, how)
    assert served.serves(served.first)
    assert served.stored.artifacts.repairing.repair(served.first, "ann").whole
    assert served.stored.content(served.first) == before


def test_a_version_that_was_damaged_is_not_deployed_again_before_it_is_repaired(
    served: Served,
) -> None:
    first, second = served.first, served.second
    change = damaged(served, "swap two files")

    # Another version is deployed all the same; the way back to the damaged one is closed.
    served.deploy(second, "succeeded")
    assert served.serves(second)
    with pytest.raises(GateClosedError, match="cannot come back") as back:
        served.platform.registry.rollbacks.request_rollback(NAME, "ann", "complaints", utc_now())
    assert change in str(back.value)
    # Damaged between its grant and its rollout: the deployer has a proven copy, and looks again.
    (reason,) = served.deploy(first, "rolled_back")
    assert reason["rule"] == "artifact.changed"
    assert reason["found"] == "; ".join(DAMAGE["swap two files"][1])
    assert served.serves(second)
    assert served.platform.registry.endpoints.endpoint(NAME).stable_uid == second.uid

    assert served.stored.artifacts.repairing.repair(first, "ann").whole
    served.go_back()
    assert served.serves(first)
