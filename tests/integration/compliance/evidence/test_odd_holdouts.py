"""Holdouts and models of every odd kind: each a verdict with its reasons, never an exception."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, Schema
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from compliance.evidence import evidence_file
from compliance.judging.service import Case, Judging
from compliance.sandbox import Sandbox
from infra.settings import Settings
from registry.domain.values import Stage, Verdict
from tests.integration.compliance.fakes import VERSION, FakeRegistry

CASE = Case(VERSION, "credit", Stage.PRODUCTION, "sha256:abc")
RNG = np.random.default_rng(5)


def saved(folder: Path, model: Any, frame: Any, signature: Any = "infer") -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow on whole numbers, pandas 3 and named numbers
        if signature == "infer":
            signature = infer_signature(frame, model.predict(frame))
        mlflow.sklearn.save_model(
            model,
            str(folder),
            serialization_format="cloudpickle",
            signature=signature,
            pip_requirements=["scikit-learn"],
        )
    return folder


@dataclass
class Bench:
    """Judges one model on one table, from either kind of file."""

    folder: Path
    sandbox: Sandbox
    binds: int = 0

    def judge(
        self, model: Path, frame: Any, kind: str = "parquet", case: Case = CASE, **binding: Any
    ) -> Verdict:
        self.binds += 1
        settings = Settings(storage_root=self.folder / f"root{self.binds}")
        path = self.folder / f"holdout{self.binds}.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
        draft = {"pattern": "credit*", "task": "classification", "label": "y", **binding}
        evidence_file.add(settings, path, draft)
        registry = FakeRegistry(model, case.version)
        return Judging(settings, registry, self.sandbox).judge(case)


@pytest.fixture
def bench(tmp_path: Path, sandbox: Sandbox) -> Bench:
    return Bench(tmp_path, sandbox)


def numbers(rows: int = 3000) -> pd.DataFrame:
    frame = pd.DataFrame({"a": RNG.normal(size=rows), "b": RNG.normal(size=rows)})
    return frame.assign(y=(frame.a + frame.b + RNG.normal(0, 0.1, rows) > 0).astype(int))


def found(verdict: Verdict) -> Mapping[str, str]:
    return {reason.rule: reason.found for reason in verdict.reasons}


@dataclass(frozen=True)
class Odd:
    """A change to a plain table, and what the verdict says.

    Attributes:
        holdout: from the plain table.
        train: the same for training; where it is None, the plain table.
        says: rule to part of its reason.
        passes: rules that pass.
    """

    holdout: Callable[[pd.DataFrame], pd.DataFrame]
    train: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    model: Callable[[], Any] = LogisticRegression
    says: Mapping[str, str] = field(default_factory=dict)
    passes: tuple[str, ...] = ("performance.accuracy", "robustness.noise")
    binding: Mapping[str, Any] = field(default_factory=dict)


def multi(frame: pd.DataFrame) -> pd.DataFrame:
    classes = np.array(["low", "None", "NA", "01"])[(frame.a > 0) * 2 + (frame.b > 0)]
    return frame.assign(y=classes)


def amount(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(y=3 * frame.a - frame.b + RNG.normal(0, 1, len(frame)))


def imputing() -> Any:
    return make_pipeline(SimpleImputer(keep_empty_features=True), LogisticRegression())


REGRESSION = {"task": "regression"}
R2 = ("performance.r2", "robustness.noise")
FAMILY = {
    "text labels of several classes": Odd(multi, multi),
    "truth values as labels": Odd(lambda f: f.assign(y=f.y == 1), lambda f: f.assign(y=f.y == 1)),
    "labels stored wider than they were trained": Odd(lambda f: f.assign(y=f.y.astype(float))),
    "labels stored as text": Odd(lambda f: f.assign(y=f.y.map({0: "False", 1: "True"}))),
    "a regression": Odd(amount, amount, LinearRegression, passes=R2, binding=REGRESSION),
    "a regression of nullable numbers": Odd(
        lambda f: amount(f).astype({"y": "Float64", "a": "Float64"}),
        amount, LinearRegression, passes=R2, binding=REGRESSION,
    ),
    "a regression whose labels are all the same": Odd(
        lambda f: f.assign(y=1.5), amount, LinearRegression, passes=(), binding=REGRESSION,
        says={"performance.r2": "all the same", "robustness.noise": "all the same"},
    ),
    "a regression that answers a constant": Odd(
        amount, amount, DummyRegressor, passes=("robustness.noise",), binding=REGRESSION,
        says={"performance.r2": "R²"},
    ),
    "a regression of one row": Odd(
        lambda f: amount(f).head(1), amount, LinearRegression, passes=(), binding=REGRESSION,
        says={"performance.r2": "1 holdout rows", "robustness.noise": "all the same"},
    ),
    "a regression beyond what can be squared": Odd(
        lambda f: f.assign(y=f.a * 1e200), amount, LinearRegression, passes=(),
        binding=REGRESSION, says={"performance.r2": "not a finite number"},
    ),
    "a classifier bound as a regression": Odd(
        amount, None, passes=("robustness.noise",), binding=REGRESSION,
        says={"performance.r2": "R²"},
    ),
    "a text classifier bound as a regression": Odd(
        amount, multi, passes=(), binding=REGRESSION, says={"performance.r2": "found text"},
    ),
    "a regression bound as a classification": Odd(
        lambda f: f, amount, LinearRegression, passes=(), says={"performance.accuracy": "0.0"},
    ),
    "one row": Odd(
        lambda f: f.head(1), passes=(),
        says={"performance.accuracy": "n=1", "performance.beats_majority": "against 1.000"},
    ),
    "one class": Odd(
        lambda f: f[f.y == 1], says={"performance.beats_majority": "against 1.000"},
        passes=("performance.accuracy", "robustness.noise"),
    ),
    "constant answers": Odd(
        lambda f: f, None, lambda: DummyClassifier(strategy="constant", constant=1),
        says={"performance.beats_majority": "against"}, passes=("robustness.noise",),
    ),
    "a column that is missing throughout": Odd(
        lambda f: f.assign(a=np.nan), None, imputing, passes=("robustness.noise",),
    ),
    "a text column of nulls where numbers are asked for": Odd(
        lambda f: f.assign(a=pd.Series([None] * len(f), dtype="object")), None, imputing,
        passes=("robustness.noise",),
    ),
    "missing values that the model cannot take": Odd(
        lambda f: f.assign(a=f.a.where(f.a > 0)), passes=(),
        says={"performance.accuracy": "error: the model failed on predict: ValueError"},
    ),
    "text where numbers are asked for": Odd(
        lambda f: f.assign(a="x"), passes=(),
        says={"performance.accuracy": "column a: expected numbers, found"},
    ),
    "missing whole numbers": Odd(
        lambda f: f.assign(a=pd.Series([None, *range(len(f) - 1)], dtype="Int64")),
        lambda f: f.assign(a=range(len(f))), passes=(),
        says={"performance.accuracy": "found 1 missing, which int64 cannot hold"},
    ),
    "a column that is not there": Odd(
        lambda f: f.drop(columns="b"), passes=(),
        says={"performance.accuracy": "lacks the columns b"},
    ),
    "infinite numbers": Odd(
        lambda f: f.assign(a=np.where(f.a > 2, np.inf, f.a)), passes=(),
        says={"performance.accuracy": "error: the model failed on predict: ValueError"},
    ),
    "columns in another order beside others": Odd(lambda f: f.assign(z="z")[["z", "y", "b", "a"]]),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", FAMILY)
def test_an_odd_holdout_is_a_verdict_with_reasons(
    bench: Bench, tmp_path: Path, name: str, kind: str
) -> None:
    odd = FAMILY[name]
    train = (odd.train or (lambda frame: frame))(numbers())
    model = odd.model().fit(train[["a", "b"]], train["y"])
    folder = saved(tmp_path / "model", model, train[["a", "b"]])
    verdict = bench.judge(folder, odd.holdout(numbers()), kind, **odd.binding)
    reasons = found(verdict)
    assert not set(odd.passes) & set(reasons), reasons
    for rule, text in odd.says.items():
        assert text in reasons[rule]
    assert "judging.failed" not in reasons
    assert verdict.passed == (not reasons)


def test_a_million_rows_are_judged(tmp_path: Path) -> None:
    train = numbers()
    model = LogisticRegression().fit(train[["a", "b"]], train["y"])
    folder = saved(tmp_path / "model", model, train[["a", "b"]])
    with Sandbox() as patient:
        rows = numbers(1_000_000).assign(g=np.where(np.arange(1_000_000) % 2, "f", "m"))
        verdict = Bench(tmp_path, patient).judge(folder, rows, sensitive=["g"])
    assert verdict.passed
    assert '"rows": 1000000' in json.dumps(verdict.document)


TYPED: dict[str, Callable[[int], Any]] = {
    "float64": lambda n: pd.Series(RNG.normal(size=n)),
    "float32": lambda n: pd.Series(RNG.normal(size=n).astype("float32")),
    "int64 ids": lambda n: pd.Series(2**62 + RNG.integers(0, 2**60, n)),
    "int32": lambda n: pd.Series(RNG.integers(0, 9, n).astype("int32")),
    "uint8": lambda n: pd.Series(RNG.integers(0, 256, n).astype("uint8")),
    "bool": lambda n: pd.Series(RNG.random(n) < 0.5),
    "text": lambda n: pd.Series(RNG.choice(["NA", "None", "01", "True", "1e5", "  x"], n)),
    "text with gaps": lambda n: pd.Series(RNG.choice(["a", "b", ""], n)).replace("", None),
    "category": lambda n: pd.Series(pd.Categorical(RNG.choice(["x", "y"], n))),
    "string": lambda n: pd.Series(RNG.choice(["x", "y"], n), dtype="string"),
    "floats with gaps": lambda n: pd.Series(np.where(RNG.random(n) < 0.2, np.nan, 1.5)),
    "Float64 with gaps": lambda n: pd.Series(
        np.where(RNG.random(n) < 0.2, np.nan, 1.5), dtype="Float64"
    ),
    "Int64": lambda n: pd.Series(RNG.integers(0, 9, n), dtype="Int64"),
    "boolean": lambda n: pd.Series(RNG.random(n) < 0.5, dtype="boolean"),
    "decimals": lambda n: pd.Series(
        [Decimal(int(c)).scaleb(-2) for c in RNG.integers(0, 10**7, n)]
    ),
    "dates as text": lambda n: pd.Series(
        pd.to_datetime(RNG.choice(["2020-01-01", "2021-12-31 23:59"], n), format="ISO8601")
    ),
    "narrow floats as text": lambda n: pd.Series(RNG.choice([0.1, 0.2], n).astype("float32")),
    "dates": lambda n: pd.Series(
        pd.Timestamp("2020-01-01") + pd.to_timedelta(RNG.integers(0, 1000, n), unit="h")
    ),
}


@pytest.mark.parametrize("name", TYPED)
def test_csv_and_parquet_of_a_table_score_the_same(bench: Bench, tmp_path: Path, name: str) -> None:
    rows = 2000
    frame = numbers(rows).assign(c=TYPED[name](rows))
    is_text = "text" in name or name in {"category", "string"}
    # The labels follow the odd column, so that a changed cell changes the score.
    codes = pd.factorize(frame.c, use_na_sentinel=False)[0]
    frame["y"] = (codes % 2 == 0).astype(int) if is_text else frame.y
    encode = OneHotEncoder() if is_text else StandardScaler()
    parts = [(StandardScaler(), ["a", "b"])]
    if name != "dates":
        gaps = [SimpleImputer()] if "gaps" in name and not is_text else []
        parts.append((make_pipeline(*gaps, encode), ["c"]))
    columns = frame[["a", "b", "c"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = columns.astype({"c": "str"}) if is_text else columns
        plain = plain.astype({"c": "float64"}) if name == "decimals" else plain
        is_other = "as text" in name or name == "decimals"
        inputs = infer_signature(plain if is_other else columns, np.array([1])).inputs
        model = make_pipeline(make_column_transformer(*parts), LogisticRegression())
        model.fit(plain, frame["y"])
    signature = ModelSignature(inputs, Schema([ColSpec("long")]))
    folder = saved(tmp_path / "model", model, columns, signature)
    seen = {kind: bench.judge(folder, frame, kind) for kind in ("csv", "parquet")}
    assert found(seen["csv"]) == found(seen["parquet"])
    assert seen["csv"].document["principles"] == seen["parquet"].document["principles"]
    assert "performance.accuracy" not in found(seen["csv"])


NAMED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "numbers": (lambda f: f.rename(columns={"a": 0, "b": 1}), "infer"),
    "numbers written as text": (lambda f: f.rename(columns={"a": "0", "b": "1"}), "infer"),
    "nothing": (
        lambda f: f.to_numpy(),
        ModelSignature(Schema([ColSpec("double")] * 2), Schema([ColSpec("long")])),
    ),
    "a matrix": (lambda f: f.to_numpy(), "infer"),
    "a matrix of float32": (lambda f: f.to_numpy().astype("float32"), "infer"),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", NAMED)
def test_models_whose_columns_are_named_by_numbers_or_not_at_all_are_judged(
    bench: Bench, tmp_path: Path, name: str, kind: str
) -> None:
    shape, signature = NAMED[name]
    train = numbers()
    features = shape(train[["a", "b"]])
    model = LogisticRegression().fit(features, train["y"])
    folder = saved(tmp_path / "model", model, features, signature)
    holdout = numbers().rename(columns={"a": "0", "b": "1"})
    verdict = bench.judge(folder, holdout, kind)
    assert found(verdict) == {}


LABELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "decimals": (lambda y: y.map({0: Decimal("0.00"), 1: Decimal("1.00")}), lambda y: y),
    "decimals beside fractions": (
        lambda y: y.map({0: Decimal("0.50"), 1: Decimal("1.50")}),
        lambda y: y.map({0: ".5", 1: "1.5"}).astype(float).astype(str),
    ),
    "narrow floats": (lambda y: (y / 10).astype("float32"), lambda y: (y / 10).astype(str)),
    "dates": (
        lambda y: pd.to_datetime(y.map({0: "2020-01-31", 1: "2021-01-31"})),
        lambda y: y.map({0: "2020-01-31", 1: "2021-01-31"}),
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_and_groups_of_any_type_score_the_same(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    stored, trained = LABELS[name]
    train, holdout = numbers(), numbers()
    model = LogisticRegression().fit(train[["a", "b"]], trained(train.y))
    folder = saved(tmp_path / "model", model, train[["a", "b"]])
    frame = holdout.assign(y=stored(holdout.y), g=stored(pd.Series(np.arange(3000) % 2)))
    positive = {"dates": "2021-01-31", "decimals": "1", "narrow floats": "0.1"}.get(name, "1.5")
    seen = {
        kind: bench.judge(folder, frame, kind, sensitive=["g"], positive_label=positive)
        for kind in ("csv", "parquet")
    }
    assert seen["csv"].document["principles"] == seen["parquet"].document["principles"]
    assert "performance.accuracy" not in found(seen["parquet"])
    assert not any("favourable" in reason for reason in found(seen["parquet"]).values())


@pytest.mark.parametrize("shape", [(-1, 1), (-1,)])
def test_a_model_that_takes_an_array_of_objects_is_judged_on_parquet(
    bench: Bench, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    words = np.array(["good word", "bad word"] * 500, dtype=object)
    labels = np.array([1, 0] * 500)
    first = OneHotEncoder() if len(shape) == 2 else TfidfVectorizer()
    model = make_pipeline(first, LogisticRegression())
    features = words.reshape(shape)
    folder = saved(tmp_path / "model", model.fit(features, labels), features)
    frame = pd.DataFrame({"words": words, "y": labels})
    assert "performance.accuracy" not in found(bench.judge(folder, frame, "parquet"))
    told = found(bench.judge(folder, frame, "csv"))["performance.accuracy"]
    assert "column number 1: expected a file that knows types" in told


def test_a_csv_file_without_types_is_refused_where_the_model_says_none(
    bench: Bench, tmp_path: Path
) -> None:
    train = numbers()
    model = LogisticRegression().fit(train[["a", "b"]], train["y"])
    folder = saved(tmp_path / "model", model, train[["a", "b"]], None)
    case = replace(CASE, version=replace(VERSION, signature=None))
    csv, parquet = (
        found(bench.judge(folder, numbers(), kind, case)) for kind in ("csv", "parquet")
    )
    assert "a signature that says the columns' types" in csv["performance.accuracy"]
    assert set(parquet) == {"transparency.signature"}
