from __future__ import annotations

import signal
import time

import pytest

from infra.processes.interrupts import NUMBERS, interrupted_once


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
    before = [signal.getsignal(each) for each in NUMBERS]
    way_out: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(number, way_out)
    assert way_out == ["gone to its end"]
    assert [signal.getsignal(each) for each in NUMBERS] == before
