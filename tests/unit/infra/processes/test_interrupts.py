from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from infra.processes.interrupts import NUMBERS, interrupted_once


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = [(each, signal.getsignal(each)) for each in NUMBERS]
    yield
    for each, handler in before:
        signal.signal(each, handler)


def interrupted(number: signal.Signals, way_out: list[str]) -> None:
    with interrupted_once():
        try:
            signal.raise_signal(number)
            time.sleep(5)
        finally:
            for each in NUMBERS:
                signal.raise_signal(each)
            way_out.append("gone to its end")


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_signal_interrupts_and_later_ones_leave_the_way_out_alone(
    number: signal.Signals,
) -> None:
    way_out: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(number, way_out)
    assert way_out == ["gone to its end"]
    # On its way to the exit the process still has its own exit code to give.
    for each in NUMBERS:
        signal.raise_signal(each)


def test_a_block_that_nothing_interrupts_leaves_the_handlers_as_they_were() -> None:
    before = [signal.getsignal(each) for each in NUMBERS]
    with interrupted_once():
        assert [signal.getsignal(each) for each in NUMBERS] != before
    assert [signal.getsignal(each) for each in NUMBERS] == before
