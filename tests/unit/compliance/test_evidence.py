from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from compliance import collecting
from compliance.adapters import evidence_file
from compliance.errors import EvidenceError
from compliance.evidence import Binding
from infra.settings import Settings
from registry.adapters.evidence_file import NO_BINDING, binding_digest

DRAFT: dict[str, object] = {
    "pattern": "credit*",
    "task": "classification",
    "label": "paid",
    "sensitive": ["sex"],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path / "root")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    frame = pd.DataFrame({"income": [1.0, 2.0], "age": [30, 40], "sex": ["f", "m"], "paid": [0, 1]})
    frame.to_parquet(tmp_path / "holdout.parquet")
    return tmp_path / "holdout.parquet"


def test_adding_pins_a_copy_that_the_registry_sees_as_well(
    settings: Settings, dataset: Path
) -> None:
    evidence_file.add(settings, dataset, DRAFT)
    dataset.unlink()
    binding = evidence_file.load(settings).find("Credit-Loans")
    assert binding is not None
    assert len(evidence_file.holdout(settings, binding).frame) == 2
    assert binding_digest(settings, "credit") not in {NO_BINDING, "unreadable"}
    assert evidence_file.load(settings).find("fraud") is None


def test_the_more_special_pattern_comes_first(settings: Settings, dataset: Path) -> None:
    evidence_file.add(settings, dataset, {**DRAFT, "pattern": "*"})
    evidence_file.add(settings, dataset, DRAFT)
    evidence_file.add(settings, dataset, {**DRAFT, "pattern": "credit-gold"})
    found = [b.pattern for b in evidence_file.load(settings).bindings]
    assert found == ["credit-gold", "credit*", "*"]


def test_a_bound_pattern_is_replaced_only_when_asked(settings: Settings, dataset: Path) -> None:
    evidence_file.add(settings, dataset, DRAFT)
    evidence_file.add(settings, dataset, DRAFT)
    with pytest.raises(EvidenceError, match="--replace"):
        evidence_file.add(settings, dataset, {**DRAFT, "sensitive": []})
    evidence_file.add(settings, dataset, {**DRAFT, "sensitive": []}, replace=True)
    assert evidence_file.load(settings).bindings[0].sensitive == ()


def test_a_dry_run_changes_nothing(settings: Settings, dataset: Path) -> None:
    evidence_file.add(settings, dataset, DRAFT, dry_run=True)
    assert evidence_file.load(settings).bindings == ()


def test_a_changed_dataset_is_refused(settings: Settings, dataset: Path) -> None:
    binding = evidence_file.add(settings, dataset, DRAFT)
    copy = settings.storage_root / "evidence" / binding.dataset
    copy.write_bytes(copy.read_bytes() + b" ")
    with pytest.raises(EvidenceError, match=f"pinned as sha256 {binding.sha256}"):
        evidence_file.holdout(settings, binding)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": "repaid"}, "expected the columns repaid"),
        ({"sensitive": ["race"]}, "expected the columns race"),
        ({"task": "ranking"}, "classification"),
        ({"features": ["paid"]}, "must not name the label"),
        ({"task": "regression"}, "classification only"),
        ({"lable": "x"}, "unknown key 'lable', did you mean 'label'"),
    ],
)
def test_a_binding_that_cannot_be_meant_is_refused(
    settings: Settings, dataset: Path, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(EvidenceError, match=expected):
        evidence_file.add(settings, dataset, {**DRAFT, **change})
    assert evidence_file.load(settings).bindings == ()


def test_an_unknown_key_in_the_catalogue_names_its_place(settings: Settings) -> None:
    folder = settings.folder("evidence")
    (folder / "catalogue.yaml").write_text(yaml.safe_dump({"bindings": [{"patern": "x"}]}))
    with pytest.raises(EvidenceError, match=r"bindings\[0\]\.patern: unknown key .* 'pattern'"):
        evidence_file.load(settings)


def test_empty_cells_in_label_or_group_are_refused(settings: Settings, tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2], "sex": ["f", None], "paid": [0, 1]})
    frame.to_csv(tmp_path / "holdout.csv", index=False)
    with pytest.raises(EvidenceError, match="empty cells"):
        evidence_file.add(settings, tmp_path / "holdout.csv", DRAFT)


def binding(**changes: Any) -> Binding:
    values = {**DRAFT, "dataset": "d.csv", "sha256": "0" * 64, **changes}
    return Binding.model_validate(values)


FRAME = pd.DataFrame({"income": [1.0], "age": [3], "sex": ["f"], "paid": [1]})


def test_a_model_never_sees_the_label_nor_a_sensitive_column_it_does_not_ask_for() -> None:
    found = collecting.select_features(FRAME, binding(), ())
    assert list(found.columns) == ["income", "age"]


def test_a_model_that_asks_for_a_sensitive_column_gets_it() -> None:
    found = collecting.select_features(FRAME, binding(), ("sex", "income"))
    assert list(found.columns) == ["sex", "income"]


def test_a_model_that_asks_for_the_label_is_refused() -> None:
    with pytest.raises(EvidenceError, match="asks for the label"):
        collecting.select_features(FRAME, binding(), ("income", "paid"))


def test_a_column_that_the_holdout_lacks_is_named() -> None:
    with pytest.raises(EvidenceError, match="lacks the columns postcode"):
        collecting.select_features(FRAME, binding(), ("income", "postcode"))


@pytest.mark.parametrize(
    "values", [np.array([1, 0]), np.array([1.0, 0.0]), np.array([True, False]), ["1", "0"]]
)
def test_one_class_is_one_class_however_it_is_written(values: Any) -> None:
    assert list(collecting.as_texts(values)) == ["1", "0"]
