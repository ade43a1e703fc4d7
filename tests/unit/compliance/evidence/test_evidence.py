from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from compliance.domain.classes import as_texts
from compliance.errors import EvidenceError
from compliance.evidence import evidence_checks, evidence_file, holdout_file
from compliance.evidence.catalogue import Binding
from compliance.evidence.features import select_features
from compliance.evidence.model_inputs import Input, Inputs
from infra.settings import Settings
from registry.governance.adapters.evidence_file import NO_BINDING, binding_digest

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
    assert evidence_file.holdout(settings, binding).table.rows == 2
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


@pytest.fixture
def table(tmp_path: Path) -> holdout_file.Table:
    frame = pd.DataFrame({"income": [1.0], "age": [3], "sex": ["f"], "paid": [1]})
    frame.to_parquet(tmp_path / "one.parquet")
    return holdout_file.read(tmp_path / "one.parquet")


def named(*names: str | int) -> Inputs:
    text = {"sex"}
    return Inputs(tuple(Input(n, np.dtype(str if n in text else float)) for n in names))


def test_a_model_never_sees_the_label_nor_a_sensitive_column_it_does_not_ask_for(
    table: holdout_file.Table,
) -> None:
    found = select_features(table, binding(), Inputs())
    assert list(found.columns) == ["income", "age"]


def test_a_model_that_asks_for_a_sensitive_column_gets_it(table: holdout_file.Table) -> None:
    found = select_features(table, binding(), named("sex", "income"))
    assert list(found.columns) == ["sex", "income"]


@pytest.mark.parametrize(
    ("inputs", "changes", "expected"),
    [
        (named("income", "paid"), {}, "asks for the label"),
        (named("income", "postcode"), {}, "lacks the columns postcode"),
        (named("income", "age"), {"features": ["income"]}, "age, which the evidence binding hides"),
        (
            Inputs((Input(None, np.dtype(float)),)),
            {},
            "takes 1 columns without names, .* shows it 2",
        ),
        (Inputs(matrix_dtype=np.dtype(float), width=5), {}, "takes 5 columns without names"),
    ],
)
def test_a_model_that_asks_for_what_it_may_not_have_is_refused(
    table: holdout_file.Table, inputs: Inputs, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(EvidenceError, match=expected):
        select_features(table, binding(**changes), inputs)


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 0]),
        np.array([1.0, 0.0]),
        np.array([True, False]),
        ["1", "0"],
        ["1.0", "-0"],
        ["True", "False"],
        ["true", "FALSE"],
        np.array([1, 0], dtype=np.uint8),
        np.array(["1", "0.0"], dtype=object),
    ],
)
def test_one_class_is_one_class_however_it_is_written(values: Any) -> None:
    assert list(as_texts(values)) == ["1", "0"]


@pytest.mark.parametrize("text", ["01", "1e5", "1.50", "NA", "None", "yes", " 1", "+1", "1_0", ""])
def test_text_that_only_resembles_a_number_is_a_class_of_its_own(text: str) -> None:
    assert list(as_texts([text])) == [text]


def test_large_numbers_of_classes_keep_their_digits() -> None:
    large = 2**63 - 1
    assert list(as_texts(np.array([large]))) == list(as_texts([str(large)])) == [str(large)]


WITHOUT_HEADER = "Smith-0.80,7.25\n0.30,1.50\n"


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (WITHOUT_HEADER, {"label": "y"}),
        (WITHOUT_HEADER, {"label": "7.25", "features": ["age"]}),
        ("Smith-0.80,Smith-0.80\n1,2\n", {"label": "y"}),
        ("Smith-0.80,\n1,2\n", {"label": "y"}),
        ("Smith-0.80,7.25\n1\n", {"label": "y"}),
        ("Smith-0.80,7.25\n,\n", {"label": "7.25"}),
    ],
)
def test_the_first_row_of_a_file_without_a_header_is_not_shown(
    settings: Settings, tmp_path: Path, text: str, changes: dict[str, Any]
) -> None:
    (tmp_path / "h.csv").write_text(text)
    with pytest.raises(EvidenceError) as caught:
        evidence_file.add(settings, tmp_path / "h.csv", {**DRAFT, "sensitive": [], **changes})
    told = str(caught.value).replace(str(tmp_path), "")
    assert "Smith" not in told
    assert "0.80" not in told


@pytest.mark.parametrize("inputs", [
    Inputs(matrix_dtype=np.dtype(float)),
    Inputs((Input(None, np.dtype(float)),)),
    Inputs((Input(None, None),)),
    Inputs(matrix_dtype=np.dtype(object)),
    Inputs(matrix_dtype=np.dtype(complex)),
    Inputs(),
])  # fmt: skip
def test_a_column_that_only_the_file_names_is_called_by_its_place(
    tmp_path: Path, inputs: Inputs
) -> None:
    (tmp_path / "h.csv").write_text("Smith-0.80,1\nx,1\n")
    table = holdout_file.read(tmp_path / "h.csv")
    with pytest.raises(EvidenceError) as caught:
        select_features(table, binding(label="1", sensitive=[]), inputs)
    assert "Smith" not in str(caught.value)
    assert "column number 1: " in str(caught.value) or not inputs.is_declared


REGRESSION: dict[str, object] = {"task": "regression", "sensitive": []}


@pytest.mark.parametrize(
    ("changes", "frame", "expected"),
    [
        (
            {"positive_label": "yes"},
            {},
            "class 'yes' among the classes of paid, found 2",
        ),
        ({}, {"paid": ["good", "bad"]}, "favourable class '1' among"),
        (
            {"task": "regression", "sensitive": []},
            {"paid": ["x", "y"]},
            "found .* for a regression",
        ),
        (
            {"task": "regression", "sensitive": []},
            {"paid": [1.0, np.inf]},
            "finite numbers, found 1",
        ),
        (REGRESSION, {"paid": [1.0, None]}, "found 1 empty cells"),
        ({}, {"paid": [None, 1]}, "in every row of paid, found 1 empty"),
        ({}, {"sex": ["f" * 65, "m"]}, "at most 64 characters"),
        ({"sensitive": ["income"]}, {"income": [b"x", b"y"]}, "column income: expected text"),
    ],
)
def test_a_holdout_that_cannot_work_is_refused_when_it_is_bound(
    settings: Settings,
    tmp_path: Path,
    changes: dict[str, Any],
    frame: dict[str, Any],
    expected: str,
) -> None:
    columns = {"income": [1.0, 2.0], "sex": ["f", "m"], "paid": [0, 1], **frame}
    pd.DataFrame(columns).to_parquet(tmp_path / "h.parquet")
    with pytest.raises(EvidenceError, match=expected):
        evidence_file.add(settings, tmp_path / "h.parquet", {**DRAFT, **changes})
    assert evidence_file.load(settings).bindings == ()


@pytest.mark.parametrize("positive", ["1", "1.0", "True", "true"])
@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], [False, True], ["False", "True"]])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_favourable_class_may_be_written_as_number_or_truth_value(
    settings: Settings, tmp_path: Path, positive: str, labels: list[Any], kind: str
) -> None:
    frame = pd.DataFrame({"income": [1.0, 2.0], "sex": ["f", "m"], "paid": labels})
    path = tmp_path / f"h.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    evidence_file.add(settings, path, {**DRAFT, "positive_label": positive})


def test_more_groups_than_can_be_compared_are_refused(settings: Settings, tmp_path: Path) -> None:
    rows = evidence_checks.MAX_GROUPS + 1
    frame = pd.DataFrame({"x": 1.0, "sex": range(rows), "paid": [i % 2 for i in range(rows)]})
    frame.to_parquet(tmp_path / "h.parquet")
    with pytest.raises(EvidenceError, match="at most 1000 groups, found 1001"):
        evidence_file.add(settings, tmp_path / "h.parquet", DRAFT)
