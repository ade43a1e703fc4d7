"""Lets SIGTERM and SIGHUP end a command in order, as Ctrl-C does."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from types import FrameType

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interrupted_once() -> Generator[None]:
    """Raise KeyboardInterrupt at the first of the signals while the block runs; drop the others.

    A second Ctrl-C would interrupt the clean-up of processes that the block started, and some of
    those outlive their starter. Once interrupted, the process ignores the signals until it
    ends: one that comes between the clean-up and the exit would take its exit code. Python
    gives its own handlers up when it ends, but leaves what is ignored ignored.
    """
    seen = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if not seen:
            seen = True
            raise KeyboardInterrupt

    before = [(number, signal.signal(number, on_signal)) for number in NUMBERS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, signal.SIG_IGN if seen else handler)
