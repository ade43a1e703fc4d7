from __future__ import annotations

import socket
from pathlib import Path

import pytest

from compliance.constitution import constitution_file
from compliance.evidence import evidence_file
from infra.errors import UsageError
from infra.settings import Settings
from pipelines.demo import root
from pipelines.steps import data
from registry.domain.values import Enforcement, Stage
from registry.governance.adapters import governance_file
from registry.settings import RegistrySettings
from tests.ports import free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path / "root")


def test_the_demos_constitution_asks_for_two_approvals_and_is_locked(settings: Settings) -> None:
    dataset = data.load(data.DatasetName.CREDIT, train_rows=10, holdout_rows=500)

    root.lay_out(settings, dataset)
    root.lay_out(settings, dataset)

    policy = constitution_file.load(settings)
    assert policy.constitution.bar(Stage.PRODUCTION).approvals == 2
    assert policy.min_score(Stage.PRODUCTION) == 0.95
    assert governance_file.constitution_path(settings).is_relative_to(settings.storage_root)
    assert policy.constitution.enforcement("credit-3") is Enforcement.ENFORCE


def test_every_credit_model_is_bound_to_the_holdout_by_its_digest(settings: Settings) -> None:
    dataset = data.load(data.DatasetName.CREDIT, train_rows=10, holdout_rows=500)

    root.lay_out(settings, dataset)

    binding = evidence_file.load(settings).find("credit-2")
    assert binding is not None
    assert f"sha256:{binding.sha256}" == data.digest(dataset.holdout)
    assert binding.sensitive == ("group",)
    assert evidence_file.holdout(settings, binding).table.rows == 500


def test_the_demo_takes_a_fresh_root_and_its_own_again(settings: Settings) -> None:
    root.claim(settings)
    root.claim(settings)


@pytest.mark.parametrize(
    "chosen",
    [RegistrySettings(constitution=Path("own.yaml")), RegistrySettings(evidence=Path("own.yaml"))],
    ids=["constitution", "evidence"],
)
def test_the_demo_refuses_rules_of_somebody_else(chosen: RegistrySettings, tmp_path: Path) -> None:
    settings = Settings(storage_root=tmp_path / "root").having(chosen)

    with pytest.raises(UsageError, match="the demo brings its own"):
        root.claim(settings)


def test_each_run_takes_a_fresh_name() -> None:
    assert root.fresh_name([]) == "credit"
    assert root.fresh_name(["credit", "other"]) == "credit-2"
    assert root.fresh_name(["credit", "credit-2", "credit-4"]) == "credit-3"


def test_only_a_default_port_that_is_taken_is_replaced(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        held, free = int(taken.getsockname()[1]), free_port()

        changed = root.free_ports(
            settings, [("ACGS_REGISTRY_PORT", held), ("ACGS_GATEWAY_PORT", free)]
        )

    assert list(changed) == ["ACGS_REGISTRY_PORT"]
    assert int(changed["ACGS_REGISTRY_PORT"]) not in {held, free}


def test_a_port_that_a_person_chose_is_left_alone(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        held = int(taken.getsockname()[1])
        settings = Settings.read({"ACGS_REGISTRY_PORT": str(held)}, storage_root=tmp_path)

        assert root.free_ports(settings, [("ACGS_REGISTRY_PORT", held)]) == {}
