"""Small files that would hang, nest or explode are refused at once."""

from __future__ import annotations

import gc
import os
import pickle
import time
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from registry.model_files.judge import judge
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.skops_reader import read_skops
from tests.support.hostile.shared import FILES as SHARED
from tests.support.memory import measured
from tests.unit.registry.model_files.pickle_bombs import ARRAY, FLOAT, PICKLES, with_coefficients
from tests.unit.registry.model_files.skops_bombs import ARCHIVES, archive

# Of processor time; a machine that others use as well slows nothing but the clock.
AT_MOST_SECONDS = 2.0
AT_MOST_BYTES = 200_000_000


@pytest.fixture
def _alone() -> None:
    """As in the scorer's warm process: what other tests left is not looked through again."""
    gc.collect()
    gc.freeze()


BOMBS = pytest.mark.parametrize(
    ("read", "build"),
    [
        *(
            pytest.param(read_pickle, build, id=f"pickle: {n}")
            for n, build in (PICKLES | SHARED).items()
        ),
        *(pytest.param(read_skops, build, id=f"skops: {n}") for n, build in ARCHIVES.items()),
    ],
)
Read = Callable[[memoryview, Problems], object]


def problems_of(read: Read, data: bytes) -> Problems:
    problems = Problems()
    root = read(memoryview(data), problems)
    if not problems:
        judge(root, problems)
    return problems


@pytest.mark.usefixtures("_alone")
@BOMBS
def test_a_bomb_is_refused_at_once(read: Read, build: Callable[[], bytes]) -> None:
    data = build()
    started = time.process_time()
    assert problems_of(read, data)
    assert time.process_time() - started < AT_MOST_SECONDS


@pytest.mark.slow  # a process each
@BOMBS
def test_a_bomb_takes_little_memory(read: Read, build: Callable[[], bytes]) -> None:
    data = build()
    took = measured(lambda: bool(problems_of(read, data)))
    assert took.found
    assert took.peak_bytes < AT_MOST_BYTES


@pytest.mark.parametrize(
    "ask",
    [
        lambda: np.zeros(AT_MOST_BYTES, np.int8),
        lambda: b"x" * AT_MOST_BYTES,
        lambda: [bytes(1000) for _ in range(AT_MOST_BYTES // 1000)],
        lambda: [(n,) for n in range(AT_MOST_BYTES // 72)],
    ],
    ids=["never written to", "in one piece", "in thousands", "in millions"],
)
def test_the_meter_counts_memory_however_it_is_asked_for(ask: Callable[[], object]) -> None:
    took = measured(lambda: bool(len(ask())))  # type: ignore[arg-type]
    assert 0.7 * AT_MOST_BYTES < took.peak_bytes < 1.7 * AT_MOST_BYTES


def test_a_measured_call_that_ends_its_process_is_told() -> None:
    with pytest.raises(AssertionError, match="ended with 7"):
        measured(lambda: os._exit(7))


def test_what_they_are_built_of_passes() -> None:
    problems = Problems()
    judge(read_skops(memoryview(archive(lambda _s: None)), problems), problems)
    assert problems.lines() == ()
    array = ARRAY + b"(K\x01K\x01\x85" + FLOAT + b"\x89C\x08" + b"\x00" * 8 + b"tb"
    data = with_coefficients(array)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the version, which it does not name
        assert vars(pickle.loads(data))["coef_"] == np.zeros(1)
    judge(read_pickle(memoryview(data), problems), problems)
    assert problems.lines() == ()
