"""Whatever fails while a version is judged, its request ends: with a reason, and once."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from compliance.adapters import tables
from compliance.checks.check import Context, Judge
from compliance.domain.facts import Facts, Scan
from compliance.domain.result import Outcome, RuleResult
from compliance.judging.job_queue import MAX_ATTEMPTS, MAX_PAUSE_MS, JobQueue, Phase
from compliance.judging.service import Judging, _answer
from compliance.judging.worker import MAX_LOST, Worker
from infra.errors import NoAccessError, UnavailableError
from infra.settings import Settings
from registry.domain.values import RequestState
from tests.integration.compliance.fakes import FakeRegistry, FakeReports
from tests.integration.compliance.judging.clock import Now
from tests.integration.compliance.judging.test_judging import bind
from tests.integration.compliance.kit import people
from tests.unit.compliance.kit import facts

CANARY = "Mrs Smith-4711"


class Failing:
    """A sandbox that fails."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    confinement: tuple[str, ...] = ()

    def scan(self, folder: Path) -> Scan:
        return Scan((), 5)

    def predict(self, folder: Path, frames: Any, odd: Any = ()) -> Any:
        raise self.error


@pytest.fixture
def make(
    queue: JobQueue, registry: FakeRegistry, reports: FakeReports, tmp_path: Path, now: Now
) -> Callable[[BaseException], Worker]:
    settings = Settings(storage_root=tmp_path / "root")
    bind(settings, tmp_path, people(400))

    def worker(error: BaseException) -> Worker:
        return Worker(queue, registry, Judging(settings, registry, Failing(error)), reports, now)

    return worker


def jobs(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(tables.job)).all())


FINAL: dict[str, BaseException] = {
    "a type": TypeError(f"data type {CANARY!r} not understood"),
    "a cell": ValueError(f"could not convert string to float: {CANARY!r}"),
    "a key": KeyError(CANARY),
    "memory": MemoryError(CANARY),
    "depth": RecursionError(CANARY),
    "arrow": pa.ArrowInvalid(CANARY),
    "pandas": pd.errors.OutOfBoundsDatetime(CANARY),
    "numpy": np.linalg.LinAlgError(CANARY),
    "text": UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
    "the system": OSError(5, CANARY),
    "the database": DBAPIError(f"INSERT {CANARY}", {"x": CANARY}, sqlite3.DataError(CANARY)),
    "an assertion": AssertionError(CANARY),
    "a stop": StopIteration(CANARY),
}


@pytest.mark.parametrize("name", FINAL)
def test_a_failure_that_trying_again_cannot_help_refuses_at_once(
    make: Callable[[BaseException], Worker], registry: FakeRegistry, queue: JobQueue,
    engine: Engine, name: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    worker = make(FINAL[name])
    queue.enqueue(1, "d1")
    assert worker.step()
    assert registry.requests[1].state is RequestState.REFUSED
    (verdict,) = registry.verdicts
    (reason,) = verdict.reasons
    assert (reason.rule, verdict.score) == ("judging.failed", 0.0)
    assert type(FINAL[name]).__name__ in reason.found
    assert "compliance.judging.probes:" in reason.found
    assert [job.phase for job in jobs(engine)] == [Phase.REPORT.value]
    seen = json.dumps(verdict.document) + caplog.text + str(jobs(engine))
    assert CANARY not in seen


@pytest.mark.parametrize(
    "error", [UnavailableError("the store did not answer"), NoAccessError("access denied")]
)
def test_infrastructure_is_tried_again_for_an_hour_and_then_refuses(
    make: Callable[[BaseException], Worker], registry: FakeRegistry, queue: JobQueue,
    engine: Engine, now: Now, error: Exception,
) -> None:  # fmt: skip
    worker = make(error)
    queue.enqueue(1, "d1")
    started = now.at
    for attempt in range(MAX_ATTEMPTS):
        assert registry.requests[1].state is RequestState.OPEN
        assert [job.attempts for job in jobs(engine)] == [attempt]
        assert worker.step()
        now.pass_seconds(MAX_PAUSE_MS / 1000)
    assert registry.requests[1].state is RequestState.REFUSED
    (reason,) = registry.verdicts[0].reasons
    assert (reason.rule, reason.found) == ("judging.unavailable", str(error))
    assert f"{MAX_ATTEMPTS} attempts" in reason.expected
    assert 3000 < (now.at - started).total_seconds() < 4000


def test_a_version_that_takes_its_process_with_it_is_refused_in_the_end(
    make: Callable[[BaseException], Worker], registry: FakeRegistry, queue: JobQueue,
    engine: Engine, now: Now,
) -> None:  # fmt: skip
    queue.enqueue(1, "d1")
    for _ in range(MAX_LOST):
        assert JobQueue(engine, "elsewhere|1|birth", now).claim() is not None
        now.pass_seconds(20)
    make(UnavailableError("never asked")).step()
    (reason,) = registry.verdicts[0].reasons
    assert reason.rule == "judging.lost"
    assert f"ended {MAX_LOST} times" in reason.found
    assert registry.requests[1].state is RequestState.REFUSED


def test_attempts_that_were_put_back_do_not_count_as_lost(
    make: Callable[[BaseException], Worker], queue: JobQueue, now: Now
) -> None:
    worker = make(UnavailableError("the store did not answer"))
    queue.enqueue(1, "d1")
    for _ in range(MAX_LOST + 2):
        worker.step()
        now.pass_seconds(20)
    job = queue.claim()
    assert job is not None
    assert (job.lost, job.attempts) == (0, MAX_LOST + 2)


@pytest.mark.parametrize("method", ["version", "attach_verdict", "settle"])
def test_a_verdict_that_cannot_be_had_recorded_or_carried_out_becomes_a_refusal(
    make: Callable[[BaseException], Worker], registry: FakeRegistry, queue: JobQueue,
    monkeypatch: pytest.MonkeyPatch, method: str,
) -> None:  # fmt: skip
    plain, calls = getattr(registry, method), []

    def once(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            raise ValueError(CANARY)
        return plain(*args)

    monkeypatch.setattr(registry, method, once)
    registry.attach_again = True
    queue.enqueue(1, "d1")
    make(TypeError("x")).step()
    assert registry.requests[1].state is RequestState.REFUSED
    assert CANARY not in json.dumps(registry.verdicts[-1].document)


@pytest.mark.parametrize("error", [ValueError(CANARY), KeyError(CANARY), MemoryError()])
def test_a_report_that_cannot_be_written_is_given_up_at_once(
    make: Callable[[BaseException], Worker], reports: FakeReports, queue: JobQueue,
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def fail(run_id: str, document: Any) -> None:
        raise error

    monkeypatch.setattr(reports, "upload", fail)
    queue.enqueue(1, "d1")
    worker = make(TypeError("x"))
    assert worker.step()
    assert worker.step()
    assert queue.waiting() == 0
    assert "its report is given up" in caplog.text
    assert CANARY not in caplog.text


def test_a_report_that_mlflow_does_not_take_is_given_up_in_the_end(
    make: Callable[[BaseException], Worker], reports: FakeReports, queue: JobQueue, now: Now
) -> None:
    reports.away = True
    queue.enqueue(1, "d1")
    worker = make(TypeError("x"))
    for _ in range(MAX_ATTEMPTS + 1):
        assert queue.waiting() == 1
        worker.step()
        now.pass_seconds(MAX_PAUSE_MS / 1000)
    assert queue.waiting() == 0


def answering(value: object) -> Callable[[Context], RuleResult]:
    return lambda _context: value  # type: ignore[return-value]


def raising(error: BaseException) -> Callable[[Context], RuleResult]:
    def fail(_context: Context) -> RuleResult:
        raise error

    return fail


def passed(**changes: Any) -> RuleResult:
    return RuleResult(**{"outcome": Outcome.PASS, "score": 1.0, "observed": "o", "expected": "e",
                         **changes})  # fmt: skip


def deep() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(100_000):
        found = {"x": found}
    return found


BROKEN = {
    "raises": raising(ValueError(CANARY)),
    "runs out of memory": raising(MemoryError(CANARY)),
    "runs too deep": raising(RecursionError(CANARY)),
    "exits": raising(SystemExit(CANARY)),
    "raises what is no exception": raising(BaseException(CANARY)),
    "answers nothing": answering(None),
    "answers a truth value": answering(True),
    "scores NaN": answering(passed(score=float("nan"))),
    "scores infinity": answering(passed(score=float("inf"))),
    "scores text": answering(passed(score="much")),
    "counts text": answering(passed(n="many")),
    "has half an interval": answering(passed(interval=(1.0,))),
    "says a number": answering(passed(observed=3)),
    "has an outcome of its own": answering(passed(outcome="pass")),
    "details an array": answering(passed(details={"x": np.ones(3)})),
    "details no end": answering(passed(details=deep())),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_check_is_an_error_of_its_rule_and_not_of_the_verdict(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = _answer(Judge({}, BROKEN[name], None), Context("the.rule", 1, plain_facts()))
    assert (found.outcome, found.score) == (Outcome.ERROR, 0.0)
    assert "the check itself failed" in found.observed
    assert CANARY not in found.observed + caplog.text


def test_what_a_check_says_can_be_stored() -> None:
    answer = passed(observed="a\0b\ud800" + "x" * 9000, score=np.float32(1), n=np.int64(3))
    found = _answer(Judge({}, answering(answer), None), Context("the.rule", 1, plain_facts()))
    assert found.outcome is Outcome.PASS
    assert found.observed.startswith("a?b?x")
    assert len(found.observed) < 2100
    json.dumps([found.score, found.n])


def plain_facts() -> Facts:
    return facts()
