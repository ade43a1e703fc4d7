"""A process that changes models of one class at a time, and asks those that the judge lets through.

Each class is asked in a forked child with hard limits: what ends the child by a signal, or answers
from memory that nobody wrote, is a finding.
"""

from __future__ import annotations

import copy
import ctypes
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.mutants import Mutant, mutants

MEMORY_BYTES = 2 << 30
SECONDS_EACH = 5
_METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
_PERTURB = -6
"""`M_PERTURB` of glibc's malloc.h: what new memory is filled with."""
_SMALL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}

Findings = dict[str, Any]


class Runner:
    """The other end: starts the process and asks it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.mutants_runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_SMALL},
        )

    def ask(self, name: str, most: int | None = None, *, judged: bool = True) -> Findings:
        """Return what was made, what passed the judge, and what was found of an estimator.

        Args:
            name: of a class of scikit-learn's, or of one of the configured estimators.
            most: changes that are made, evenly chosen among those of arrays; None for all.
            judged: False to ask what the judge refuses, too, up to the first finding.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, most, judged]) + "\n")
        self._process.stdin.flush()
        found: Findings = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    """Look at one estimator after the other, until the other end closes."""
    answers, null = os.dup(1), os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # scikit-learn may talk
    with os.fdopen(answers, "w") as out:
        for line in sys.stdin:
            print(json.dumps(look_at(*json.loads(line))), file=out, flush=True)


def look_at(name: str, most: int | None, judged: bool) -> Findings:
    """Change a fitted estimator, and ask what passes the judge."""
    from tests.support.configured_estimators import CONFIGURED, configured
    from tests.support.fitted_estimators import fitted
    from tests.support.judged_models import refusals

    warnings.simplefilter("ignore")
    model, features = configured(name) if name in CONFIGURED else fitted(name)
    made, passed = 0, []
    for mutant in _chosen(list(mutants(model)), most):
        try:
            data = pickle.dumps(mutant.build())
        except Exception:  # its own constructor refuses it, as loading would
            continue
        made += 1
        if not judged or refusals(data, "pickle")[1] == ():
            passed.append((mutant.name, data))
    found, slow = _asked(passed, _queries(features), is_one_enough=not judged)
    return {"made": made, "passed": len(passed), "found": found, "slow": slow}


def _chosen(all_: list[Mutant], most: int | None) -> list[Mutant]:
    if most is None:
        return all_
    arrays = [mutant for mutant in all_ if mutant.is_array]
    steps = np.linspace(0, len(arrays) - 1, min(most, len(arrays))).astype(int)
    return [arrays[step] for step in steps]


def _queries(features: Any) -> list[Any]:
    """Return what to ask: the data themselves, and where they are numbers, stranger ones."""
    if isinstance(features, np.ndarray) and features.dtype.kind == "O":
        strange = features[:9].copy()
        np.fill_diagonal(strange, "no such value")
        return [features, features[:1], strange]
    if not isinstance(features, np.ndarray) or features.dtype.kind != "f" or features.ndim != 2:
        return [features, features[:1]]
    strange = features * 3 - 1
    holed = features[:5].copy()
    np.fill_diagonal(holed, np.nan)
    return [features, features[:1], strange, strange.astype(np.float32), holed]


def _asked(
    passed: list[tuple[str, bytes]], queries: list[Any], is_one_enough: bool
) -> tuple[list[str], list[str]]:
    found: list[str] = []
    slow: list[str] = []
    at = 0
    while at < len(passed) and not (found and is_one_enough):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _child(passed[at:], queries, writing, is_one_enough)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            lines = file.read().decode().splitlines()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        found += [line.removeprefix("? ") for line in lines if line.startswith("? ")]
        begun = sum(line == "." for line in lines)
        if code == 0:
            break
        name = passed[at + begun - 1][0]
        if code == -signal.SIGALRM:  # no finding: a server's callers wait no longer
            slow.append(name)
        else:
            found.append(f"{name}: ended by {code}")
        at += max(begun, 1)
    return found, slow


def _child(
    passed: list[tuple[str, bytes]], queries: list[Any], writing: int, is_one_enough: bool
) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 2):
        os.dup2(null, stream)
    born = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (born + MEMORY_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    for name, data in passed:
        os.write(writing, b".\n")
        signal.alarm(SECONDS_EACH)
        libc.mallopt(_PERTURB, 0x15)
        before = _answers(data, queries)
        libc.mallopt(_PERTURB, 0x6A)
        _litter()
        if _answers(data, queries) != before:
            os.write(writing, f"? {name}: answers differ\n".encode())
            if is_one_enough:
                break
    os._exit(0)


def _litter() -> None:
    """Leave other numbers in memory that was given back."""
    rng = np.random.default_rng(1)
    kept = [rng.random(size) * 1e3 for size in range(1, 400, 3)]
    del kept


def _answers(data: bytes, queries: list[Any]) -> list[bytes | str]:
    """Return every answer of a copy, bit for bit, or the kind of error."""
    found: list[bytes | str] = []
    try:
        model = pickle.loads(data)
    except Exception as err:
        return [type(err).__name__]
    for method in _METHODS:
        for query in queries:
            try:
                # Some change what they are asked.
                answer = getattr(model, method)(copy.deepcopy(query))
                for part in answer if isinstance(answer, list) else [answer]:
                    dense = part.toarray() if hasattr(part, "toarray") else np.asarray(part)
                    is_object = dense.dtype.kind == "O"
                    found.append(repr(dense.tolist()) if is_object else dense.tobytes())
            except Exception as err:
                found.append(type(err).__name__)
    return found


if __name__ == "__main__":
    main()
