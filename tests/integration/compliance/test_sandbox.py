"""Real models that crash, hang and hog, in the real sandbox."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from compliance.errors import SandboxError
from compliance.sandbox import Sandbox
from tests.integration.compliance.kit import (
    COLUMNS,
    OnLoad,
    OnPredict,
    good_model,
    people,
    replace_model,
    save,
)

FRAME = people(200)[COLUMNS]


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
        ("nan", r"expected finite answers, found 200 NaN"),
    ],
)
def test_a_model_that_misbehaves_when_asked_is_a_clear_error(
    sandbox: Sandbox, pickled: Path, act: str, expected: str
) -> None:
    replace_model(pickled, OnPredict(act))
    with pytest.raises(SandboxError, match=expected):
        sandbox.predict(pickled, [FRAME])


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
    sandbox: Sandbox, pickled: Path, thing: OnLoad, expected: str
) -> None:
    replace_model(pickled, thing)
    with pytest.raises(SandboxError, match=expected):
        sandbox.predict(pickled, [FRAME])


def test_a_model_that_kills_its_watcher_is_an_error_and_the_next_one_is_served(
    sandbox: Sandbox, pickled: Path, tmp_path: Path
) -> None:
    replace_model(pickled, OnPredict("kill the watcher"))
    with pytest.raises(SandboxError, match="ended the process that watches it"):
        sandbox.predict(pickled, [FRAME])
    good = save(tmp_path / "good", good_model())
    assert len(sandbox.predict(good, [FRAME]).answers[0]) == len(FRAME)


def test_a_model_sees_no_secret_of_the_environment_and_works_in_a_folder_of_its_own(
    sandbox: Sandbox, pickled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    replace_model(pickled, OnPredict("environment"))
    (answers,) = sandbox.predict(pickled, [FRAME.head(1)]).answers
    assert "SECRET" not in answers[0]
    assert "acgs-scratch-" in answers[0]


def test_the_scan_refuses_what_the_sandbox_would_have_had_to_survive(
    sandbox: Sandbox, pickled: Path
) -> None:
    replace_model(pickled, OnLoad(os.abort))
    assert any("posix.abort" in text for text in sandbox.scan(pickled).violations)


def test_failing_to_scan_is_a_violation(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.scan(tmp_path / "nowhere").violations


def test_closing_leaves_no_process_behind(tmp_path: Path) -> None:
    with Sandbox() as own:
        own.start()
        assert own._process is not None
        pid = own._process.pid
    assert not Path(f"/proc/{pid}").exists()
