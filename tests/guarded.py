"""Runs a Python command and leaves no process of it behind, however it ends.

    python -m tests.guarded -m pytest -n 2

Tests start platforms whose processes leave their group, and some outlive their starter on purpose:
a signal to the group ends pytest alone. This process is the subreaper of everything below it: the
kernel gives it every orphan, so its descendants are all there is to end.

A signal to this process interrupts the command as Ctrl-C would, so that fixtures and temporary
folders go in order; a second signal, or GRACE_SECONDS, ends everything at once. So does the end of
the process that started this one, and the end of the command itself, killed or not.

There are two of these processes, one below the other, so that neither can be killed unnoticed: the
outer one passes signals on and ends what is left once the inner one has gone, which does the rest.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import psutil

GRACE_SECONDS = 25.0
"""What an interrupted command has for its fixtures; stopping a platform takes up to ten seconds."""
LEAVE_SECONDS = 3.0
"""What is left at the end may still be about to leave by itself."""
TERM_SECONDS = 10.0
KILL_SECONDS = 10.0
POLL_SECONDS = 0.1
SAME_SECONDS = 0.5
"""Signals this close together are one: of a group's signal, make passes its own on."""

INNER = "--inner"
"""The first argument of the inner process."""

_PR_SET_CHILD_SUBREAPER = 36
_SI_KERNEL = 0x80
"""Origin of a signal that a terminal sent; it has reached the whole group already."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code, or 128 and the signal's number."""
    is_inner = arguments[:1] == [INNER]
    arguments = arguments[1:] if is_inner else ["-m", "tests.guarded", INNER, *arguments]
    watched = {signal.SIGINT, signal.SIGTERM, signal.SIGQUIT}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        watched.add(signal.SIGHUP)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, watched | {signal.SIGCHLD})
    _adopt_orphans()
    command = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments],
        os.environ,
        setsigmask=mask,
        # A shell's background jobs ignore it, and then nothing could interrupt the command.
        setsigdef=[signal.SIGINT],
    )
    guard = _Guard(command, watched)
    interrupted = None
    if is_inner:
        interrupted = guard.wait()
    else:
        guard.pass_on()
    left = guard.end_rest()
    if left:
        _tell(f"ended {len(left)} processes that were left: {', '.join(sorted(left))}")
    if interrupted is not None:
        return 128 + interrupted
    code = os.waitstatus_to_exitcode(guard.status or 0)
    return code if code >= 0 else 128 - code


class _Guard:
    """The command and everything below it.

    Attributes:
        status: of the command, as `waitpid` gives it, once it has ended.
    """

    def __init__(self, command: int, watched: set[signal.Signals]) -> None:
        self.status: int | None = None
        self._command = command
        self._watched = watched
        self._starter = os.getppid()

    def wait(self) -> int | None:
        """Wait until the command has ended or must not go on; return the signal that ended it."""
        first: int | None = None
        since = 0.0
        while not self._ended():
            number, from_terminal = self._signal()
            now = time.monotonic()
            if first is None and number is not None:
                first, since = number, now
                if not from_terminal:
                    _interrupt()
            elif first is not None and (
                now > since + GRACE_SECONDS or (number is not None and now > since + SAME_SECONDS)
            ):
                break
        return first

    def pass_on(self) -> None:
        """Pass signals on to the inner process until it has ended; its exit code names them."""
        while not self._ended():
            number, from_terminal = self._signal()
            if number is not None and not from_terminal:
                # What is not watched is ignored: with nohup the loss of the starter is no hangup.
                passed = number if number in self._watched else signal.SIGTERM
                os.kill(self._command, passed)  # not buried yet, so its pid is its own

    def end_rest(self) -> list[str]:
        """End every process below this one; return the names of those that did not go alone."""
        if self._gone_within(LEAVE_SECONDS):
            return []
        left = [_name(process) for process in _descendants()]
        _send(signal.SIGTERM)
        if not self._gone_within(TERM_SECONDS):
            # Again and again: what is being killed may just have started another.
            self._gone_within(KILL_SECONDS, lambda: _send(signal.SIGKILL))
        return left

    def _signal(self) -> tuple[int | None, bool]:
        """Wait a moment for a signal; return its number and whether a terminal sent it."""
        if os.getppid() != self._starter:
            self._starter = os.getppid()
            return signal.SIGHUP, False
        found = signal.sigtimedwait(self._watched | {signal.SIGCHLD}, POLL_SECONDS)
        if found is None or found.si_signo == signal.SIGCHLD:
            return None, False
        return found.si_signo, found.si_code == _SI_KERNEL

    def _ended(self) -> bool:
        """Bury the dead, adopted ones too; return whether the command is among them."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self._command:
                    self.status = found[1]
        return self.status is not None

    def _gone_within(self, seconds: float, again: Callable[[], None] = lambda: None) -> bool:
        limit = time.monotonic() + seconds
        while True:
            again()
            self._ended()
            if not _descendants():
                return True
            if time.monotonic() > limit:
                return False
            time.sleep(POLL_SECONDS)


def _adopt_orphans() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become the subreaper of the tests")


def _descendants() -> Sequence[psutil.Process]:
    found: Sequence[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def _send(number: signal.Signals) -> None:
    for process in _descendants():
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _interrupt() -> None:
    """Do as Ctrl-C does: reach what stayed in this group, test workers among them."""
    for process in _descendants():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == os.getpgrp():
                process.send_signal(signal.SIGINT)


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return f"{process.name()} ({process.pid})"
    return f"({process.pid})"


def _tell(line: str) -> None:
    # The terminal may have gone.
    with contextlib.suppress(OSError):
        print(f"tests: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
