"""Planted values of a holdout turn up nowhere: answers, database, reports, logs and events."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from compliance.domain.facts import Scan
from compliance.evidence import evidence_file
from compliance.judging.job_queue import JobQueue
from compliance.judging.service import Judging
from compliance.judging.verdict_store import StoredVerdicts
from compliance.judging.worker import Worker
from compliance.reports.report import render_html, render_markdown, summary
from compliance.sandbox import Sandbox
from infra.errors import PlatformError
from infra.logs import KeyValueFormatter
from infra.secrets import Sealer
from infra.settings import Settings
from registry.domain.values import RequestState
from registry.errors import GateClosedError
from tests.integration.compliance.fakes import FakeRegistry, FakeReports
from tests.integration.compliance.judging import test_canaries as here
from tests.integration.compliance.kit import COLUMNS, people, save

TEXT = "CANARY-Mrs-Smith-4711"
NUMBER = 914_233_771
FRACTION = 0.914233771
MARKS = (TEXT, str(NUMBER), "914233771", "CANARY")


@dataclass
class Talker:
    """A model that says what it sees, in every way there is."""

    way: str

    def predict(self, frame: Any) -> Any:
        row = [str(value) for value in frame.iloc[0].tolist()]
        said = " ".join(row)
        match self.way:
            case "raises it":
                raise ValueError(f"could not convert string to float: {said}")
            case "names an exception by it":
                raise type("CANARY" + "".join(filter(str.isalnum, said)), (Exception,), {})(said)
            case "pretends to be a library":
                raise RuntimeError(f"expected one answer per row, found the shape ({said}, 2)")
            case "answers it":
                return [said] * len(frame)
            case "answers so many rows":
                return np.zeros(int(float(row[0])))
            case "answers in that shape":
                return np.zeros((1, 914233771 % 1000, 2))
            case "warns":
                warnings.warn(said, stacklevel=1)
                print(said)
                return np.zeros(len(frame))
            case "exits":
                raise SystemExit(said)
        return np.zeros(len(frame))


class Loading:
    """Raises while it is unpickled."""

    def __reduce__(self) -> Any:
        return (exec, (f"raise ValueError({TEXT!r})",))


class Unscanned:
    """The sandbox without its scan."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.predict = sandbox.predict
        self.confinement = sandbox.confinement

    def scan(self, folder: Path) -> Scan:
        return Scan((), 5)


def planted() -> pd.DataFrame:
    """Return a holdout with a canary in the first row of every column."""
    frame = people(800)
    frame.loc[0, "income"] = float(NUMBER)
    frame.loc[0, "age"] = FRACTION * 1e9
    frame.loc[0, "sex"] = TEXT
    frame["paid"] = frame["paid"].map({0: "0", 1: "1"})
    frame.loc[0, "paid"] = TEXT
    return frame


@dataclass
class Bench:
    """Judges through the queue, and keeps all that anybody could read afterwards."""

    folder: Path
    engine: Engine
    sandbox: Sandbox
    logs: list[str]

    def everything(self, frame: pd.DataFrame, thing: object, kind: str, **changes: Any) -> str:
        settings = Settings(storage_root=self.folder / "root")
        path = self.folder / f"holdout.{kind}"
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
        draft = {"pattern": "credit*", "task": "classification", "label": "paid",
                 "sensitive": ["sex"], **changes}  # fmt: skip
        evidence_file.add(settings, path, draft)
        registry = FakeRegistry(talking(self.folder / "model", thing))
        queue, reports = JobQueue.of_lane(self.engine, 1), FakeReports()
        stored = StoredVerdicts(self.engine, Sealer(settings))
        judging = Judging(settings, registry, Unscanned(self.sandbox), stored)
        worker = Worker(queue, registry, judging, reports)
        queue.enqueue(1, "d1")
        assert worker.step()
        (verdict,) = registry.verdicts
        assert registry.requests[1].state is RequestState.REFUSED
        assert worker.step()
        document = verdict.document
        rows = b"".join(f.read_bytes() for f in sorted(self.folder.glob("queue.db*")))
        return "\n".join(
            [
                str(GateClosedError("refused:", verdict.reasons)),
                json.dumps(document),
                render_html(document),
                render_markdown(document),
                summary(document),
                json.dumps(list(reports.uploads.values())),
                rows.decode("latin-1"),
                *self.logs,
            ]
        )


def talking(folder: Path, thing: object) -> Path:
    from sklearn.linear_model import LogisticRegression

    train = people(100)
    save(folder, LogisticRegression().fit(train[COLUMNS], train["paid"]), "pickle")
    cloudpickle.register_pickle_by_value(here)
    try:
        (folder / "model.pkl").write_bytes(cloudpickle.dumps(thing))
    finally:
        cloudpickle.unregister_pickle_by_value(here)
    return folder


@pytest.fixture
def bench(
    tmp_path: Path, engine: Engine, unjudging: Sandbox, caplog: pytest.LogCaptureFixture
) -> Iterator[Bench]:
    logs: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logs.append(KeyValueFormatter("compliance").format(record))

    caplog.set_level(logging.DEBUG)
    handler = Keep()
    logging.getLogger().addHandler(handler)
    yield Bench(tmp_path, engine, unjudging, logs)
    logging.getLogger().removeHandler(handler)


def unseen(text: str) -> None:
    assert [mark for mark in MARKS if mark in text] == []


WAYS = [
    "raises it", "names an exception by it", "pretends to be a library", "answers it",
    "answers so many rows", "answers in that shape", "warns", "exits",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_says_what_it_sees_is_not_heard(bench: Bench, way: str, kind: str) -> None:
    unseen(bench.everything(planted(), Talker(way), kind))


def test_a_model_that_speaks_while_it_is_loaded_is_not_heard(bench: Bench) -> None:
    unseen(bench.everything(planted(), Loading(), "parquet"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_picture_of_errors_shows_no_label(bench: Bench, kind: str) -> None:
    labels = np.linspace(0, 1, 800)
    labels[0] = NUMBER
    frame = planted().assign(paid=labels)
    binding = {"task": "regression", "sensitive": []}
    text = bench.everything(frame, Talker("answers zeros"), kind, **binding)
    assert "Residuals on the holdout" in text
    unseen(text)


def swapped(column: str, values: Any) -> Callable[[], pd.DataFrame]:
    return lambda: planted().assign(**{column: values})


ODD: dict[str, Callable[[], pd.DataFrame]] = {
    "text where numbers are asked for": swapped("income", [TEXT] * 800),
    "one cell of text": swapped("income", [TEXT, *["1.5"] * 799]),
    "categories of text": swapped("income", pd.Categorical([TEXT, "x"] * 400)),
    "truth values": swapped("income", [True] * 800),
    "bytes": swapped("income", [TEXT.encode()] * 800),
    "dates": swapped("income", pd.Timestamp("2020-01-01")),
    "numbers beyond every type": swapped("income", [f"{NUMBER}e999999", *["1"] * 799]),
    "missing cells": swapped("income", [None, *[float(NUMBER)] * 799]),
}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("name", ODD)
def test_a_column_of_another_type_is_refused_without_its_cells(
    bench: Bench, name: str, kind: str
) -> None:
    if (name, kind) == ("numbers beyond every type", "parquet"):
        kind = "csv"
    text = bench.everything(ODD[name](), Talker("answers zeros"), kind)
    unseen(text)


REFUSED: list[tuple[dict[str, Any], Callable[[], pd.DataFrame]]] = [
    ({"task": "regression", "sensitive": []}, planted),
    ({"label": "nothing"}, planted),
    ({"positive_label": "yes"}, planted),
    ({"sensitive": ["sex"]}, swapped("sex", [TEXT * 5, *["m"] * 799])),
    ({"sensitive": ["sex"]}, swapped("sex", [f"{TEXT}{i}" for i in range(800)])),
    ({"sensitive": ["sex"]}, swapped("sex", [None, *[TEXT] * 799])),
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_evidence_add_says_what_is_wrong_without_a_cell(
    tmp_path: Path, case: int, kind: str
) -> None:
    changes, make = REFUSED[case]
    path = tmp_path / f"h.{kind}"
    make().to_csv(path, index=False) if kind == "csv" else make().to_parquet(path)
    draft = {"pattern": "credit*", "task": "classification", "label": "paid",
             "sensitive": ["sex"], **changes}  # fmt: skip
    try:
        evidence_file.add(Settings(storage_root=tmp_path / "root"), path, draft)
    except PlatformError as err:
        unseen(str(err))


def test_the_planted_values_are_found_where_they_are_told(tmp_path: Path) -> None:
    frame = planted()
    frame.to_csv(tmp_path / "h.csv", index=False)
    text = (tmp_path / "h.csv").read_text()
    assert [mark for mark in MARKS if mark in text] == list(MARKS)
