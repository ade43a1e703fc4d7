"""Real models that crash, hang and hog, in the real sandbox."""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import FeatureAgglomeration
from sklearn.impute._iterative import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from compliance.errors import SandboxError
from compliance.judging.odd_rows import odd_rows
from compliance.sandbox import Limits, Sandbox
from compliance.sandbox.limits import job_plan
from infra.confinement import policy
from infra.confinement.plan import Means, Mount, Plan
from infra.confinement.policy import ConfinementError
from infra.errors import UnavailableError
from tests.integration.compliance.kit import (
    COLUMNS,
    OnLoad,
    OnMissing,
    OnPredict,
    good_model,
    people,
    replace_model,
    save,
)

FRAME = people(200)[COLUMNS]


def _groups_behind_a_hole() -> Pipeline:
    """A model of scikit-learn's alone: numpy writes before an array once an income is missing."""
    rows = FRAME.to_numpy(dtype=float)
    holed = rows.copy()
    holed[::7, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one turn is too few
        imputer = IterativeImputer(LinearRegression(), max_iter=1, skip_complete=False).fit(holed)
    powers = PolynomialFeatures(2).fit(rows[:9, :1])
    groups = FeatureAgglomeration(1).fit(powers.transform(rows[:50, :1]))
    groups.labels_ = np.array([2**63 - 1, 2**40, 2**40])
    line = LinearRegression().fit(rows[:9, :1], np.arange(9))
    imputer.imputation_sequence_ = [
        step._replace(estimator=make_pipeline(powers, groups, line))
        for step in imputer.imputation_sequence_
    ]
    last = LogisticRegression().fit(rows, np.arange(len(rows)) % 2)
    return Pipeline([("imputer", imputer), ("last", last)])


@pytest.fixture
def pickled(tmp_path: Path) -> Path:
    return save(tmp_path / "model", good_model(), "pickle")


@pytest.mark.parametrize("serialization", ["skops", "pickle", "cloudpickle"])
def test_a_good_model_answers_as_it_does_outside(
    sandbox: Sandbox, tmp_path: Path, serialization: str
) -> None:
    model = good_model()
    folder = save(tmp_path / "m", model, serialization)
    assert sandbox.scan(folder).violations == ()
    found = sandbox.predict(folder, [FRAME, FRAME.head(3)]).answers
    assert np.array_equal(found[0], model.predict(FRAME))
    assert len(found[1]) == 3


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("abort", r"crashed on predict \(signal 6, SIGABRT\)"),
        ("hang", r"hung on predict: expected an answer within 4 s"),
        ("hog", r"failed on predict: .*MemoryError"),
        ("raise", r"failed on predict: .*no idea"),
        ("exit", r"ended without an answer on predict \(exit code 0\)"),
        ("short", r"expected 200 answers for 200 rows, found 199"),
        ("blame the machine", r"ended without an answer on start \(exit code 97\)"),
        ("nan", r"expected finite answers, found 200 NaN"),
    ],
)
def test_a_model_that_misbehaves_when_asked_is_a_clear_error(
    unjudging: Sandbox, pickled: Path, act: str, expected: str
) -> None:
    replace_model(pickled, OnPredict(act))
    with pytest.raises(SandboxError, match=expected):
        unjudging.predict(pickled, [FRAME])


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (OnLoad(os.abort), r"crashed on load \(signal 6, SIGABRT\)"),
        (OnLoad(time.sleep, 600), r"hung on load"),
        (OnLoad(os._exit, 3), r"ended without an answer on load \(exit code 3\)"),
        (OnLoad(int, "x"), r"failed on load: ValueError"),
    ],
)
def test_a_model_that_misbehaves_on_loading_is_a_clear_error(
    unjudging: Sandbox, pickled: Path, thing: OnLoad, expected: str
) -> None:
    replace_model(pickled, thing)
    with pytest.raises(SandboxError, match=expected):
        unjudging.predict(pickled, [FRAME])


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (OnMissing(os.abort), r"crashed on odd rows \(signal 6, SIGABRT\)"),
        (OnMissing(time.sleep, 600), r"hung on odd rows"),
        (OnMissing(os._exit, 3), r"ended without an answer on odd rows \(exit code 3\)"),
        (_groups_behind_a_hole(), r"crashed on odd rows \(signal (6|11), SIG(ABRT|SEGV)\)"),
    ],
    ids=["abort", "hang", "exit", "numpy"],
)
def test_a_model_that_does_not_survive_a_missing_value_is_a_clear_error(
    unjudging: Sandbox, pickled: Path, thing: object, expected: str
) -> None:
    replace_model(pickled, thing)
    assert len(unjudging.predict(pickled, [FRAME]).answers[0]) == len(FRAME)
    with pytest.raises(SandboxError, match=expected):
        unjudging.predict(pickled, [FRAME], odd_rows(FRAME))


@pytest.mark.parametrize(
    "thing", [OnMissing(int, "x"), OnMissing(bytes, 10**15), good_model()],
    ids=["refuses", "takes too much", "honest"],
)  # fmt: skip
def test_a_model_that_answers_a_missing_value_with_an_error_is_a_good_one(
    unjudging: Sandbox, pickled: Path, thing: object
) -> None:
    replace_model(pickled, thing)
    assert len(unjudging.predict(pickled, [FRAME], odd_rows(FRAME)).answers[0]) == len(FRAME)


def test_a_model_cannot_kill_what_watches_it(unjudging: Sandbox, pickled: Path) -> None:
    replace_model(pickled, OnPredict("kill the watcher"))
    with pytest.raises(SandboxError, match="failed on predict: PermissionError"):
        unjudging.predict(pickled, [FRAME])


def test_a_model_that_hangs_does_not_hold_up_another(pickled: Path, tmp_path: Path) -> None:
    replace_model(pickled, OnPredict("hang"))
    good = save(tmp_path / "good", good_model())
    with (
        Sandbox(Limits(deadline_seconds=8), lanes=2, rebuilds=False) as sandbox,
        ThreadPoolExecutor() as pool,
    ):
        sandbox.start()
        hanging = pool.submit(sandbox.predict, pickled, [FRAME])
        assert len(sandbox.predict(good, [FRAME]).answers[0]) == len(FRAME)
        assert not hanging.done()
        with pytest.raises(SandboxError, match="hung on predict"):
            hanging.result()


def test_a_lost_warm_process_is_an_outage_and_the_next_job_is_served(
    tmp_path: Path, pickled: Path
) -> None:
    replace_model(pickled, OnPredict("hang"))
    good = save(tmp_path / "good", good_model())
    with (
        Sandbox(Limits(deadline_seconds=30), rebuilds=False) as sandbox,
        ThreadPoolExecutor() as pool,
    ):
        sandbox.start()
        hanging = pool.submit(sandbox.predict, pickled, [FRAME])
        time.sleep(1)
        warm = sandbox._warm
        assert warm is not None
        warm._process.kill()
        with pytest.raises(UnavailableError, match="expected the scoring sandbox to answer"):
            hanging.result()
        assert len(sandbox.predict(good, [FRAME]).answers[0]) == len(FRAME)


@pytest.mark.parametrize("means", [frozenset(), frozenset({Means.USER_NAMESPACE, Means.LIMITS})])
def test_a_machine_that_cannot_confine_runs_no_model(
    means: frozenset[Means], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "available", lambda: means)
    with pytest.raises(ConfinementError, match=r"lacks .*seccomp"):
        Sandbox()


def test_a_layer_that_fails_after_the_start_runs_no_model(
    unjudging: Sandbox, pickled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_mount_that_is_gone(*arguments: Any) -> Plan:
        plan = job_plan(*arguments)
        return replace(plan, mounts=(*plan.mounts, Mount(tmp_path / "gone", Path("/gone"))))

    monkeypatch.setattr("compliance.sandbox.sandbox.job_plan", with_a_mount_that_is_gone)
    with pytest.raises(ConfinementError, match="expected to confine the model, found"):
        unjudging.predict(pickled, [FRAME])


def test_a_model_sees_no_secret_of_the_environment_and_works_in_a_folder_of_its_own(
    unjudging: Sandbox, pickled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    replace_model(pickled, OnPredict("environment"))
    (answers,) = unjudging.predict(pickled, [FRAME.head(1)]).answers
    assert "SECRET" not in answers[0]
    assert answers[0].endswith(" /tmp")


def test_the_scan_refuses_what_the_sandbox_would_have_had_to_survive(
    sandbox: Sandbox, pickled: Path
) -> None:
    replace_model(pickled, OnLoad(os.abort))
    assert any("posix.abort" in text for text in sandbox.scan(pickled).violations)


def test_a_model_whose_file_was_not_understood_is_not_loaded(
    sandbox: Sandbox, pickled: Path
) -> None:
    replace_model(pickled, OnLoad(os.abort))
    with pytest.raises(SandboxError, match="failed on load: FileRefusedError"):
        sandbox.predict(pickled, [FRAME])


def test_failing_to_scan_is_a_violation(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.scan(tmp_path / "nowhere").violations


def test_closing_leaves_no_process_behind() -> None:
    with Sandbox() as own:
        own.start()
        warm = own._warm
        assert warm is not None
        pid = warm._process.pid
    assert not Path(f"/proc/{pid}").exists()
