"""The warm process: forks one throw-away, confined process per job, several at a time.

Started by `compliance.sandbox.warm` as `python -I -m compliance.sandbox.child FD LAYER…`, with a
scrubbed environment. It imports everything a model needs once and loads one tiny model, so that a
job answers in some 50 ms instead of 3 s. It never opens a model that anybody sent, and runs no
OpenMP code: forked processes could not use OpenMP after that.

Not `multiprocessing`'s fork server: that inherits the environment, re-imports `__main__` in each
child, and its parent unpickles what comes back.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from compliance.sandbox import jobs
from infra.confinement import kernel
from infra.confinement.enter import FAILED_EXIT, Child, Ended, enter_user_namespace, fork_confined
from infra.confinement.plan import Means, Plan

_MESSAGE_BYTES = 65536


@dataclass(frozen=True, slots=True)
class _Running:
    number: int
    child: Child
    deadline_at: float


class _Warm:
    """The loop: takes jobs, watches those that run, reports how they ended."""

    def __init__(self, control: socket.socket, means: frozenset[Means]) -> None:
        self._control = control
        separate = Means.PROCESS_NAMESPACE in means
        self._own_namespace_fd = os.open("/proc/self/ns/pid", os.O_RDONLY) if separate else None
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._running: dict[int, _Running] = {}

    def serve(self) -> None:
        """Work until the other end of the control socket is closed."""
        while True:
            for fd, _event in self._poll.poll(self._wait_ms()):
                if fd == self._control.fileno():
                    if not self._take():
                        return
                else:
                    self._finish(fd, timed_out=False)
            now = time.monotonic()
            for fd in [fd for fd, job in self._running.items() if job.deadline_at <= now]:
                self._finish(fd, timed_out=True)

    def _wait_ms(self) -> float | None:
        if not self._running:
            return None
        first = min(job.deadline_at for job in self._running.values())
        return max(0.0, (first - time.monotonic()) * 1000)

    def _take(self) -> bool:
        message, fds, _flags, _address = socket.recv_fds(self._control, _MESSAGE_BYTES, 2)
        if not message:
            return False
        job = json.loads(message)
        request_fd, result_fd = fds
        plan, result = Plan.from_json(job["plan"]), jobs.Result(result_fd)

        def body() -> NoReturn:
            _work(job, plan, request_fd, result)

        try:
            child = fork_confined(
                plan,
                body,
                keep_fds=fds,
                own_namespace_fd=self._own_namespace_fd,
            )
        except OSError as err:
            self._say(int(job["id"]), Ended(FAILED_EXIT, str(err)), timed_out=False)
            return True
        finally:
            for fd in fds:
                os.close(fd)
        pidfd = os.pidfd_open(child.pid)
        deadline_at = time.monotonic() + float(job["deadline_seconds"])
        self._running[pidfd] = _Running(int(job["id"]), child, deadline_at)
        self._poll.register(pidfd, select.POLLIN)
        return True

    def _finish(self, pidfd: int, *, timed_out: bool) -> None:
        job = self._running.pop(pidfd)
        self._poll.unregister(pidfd)
        if timed_out:
            os.kill(job.child.pid, signal.SIGKILL)
        ended = job.child.wait()
        os.close(pidfd)
        self._say(job.number, ended, timed_out=timed_out)

    def _say(self, number: int, ended: Ended, *, timed_out: bool) -> None:
        message = {
            "id": number,
            "exit": ended.code if ended.code >= 0 else None,
            "signal": -ended.code if ended.code < 0 else None,
            "timed_out": timed_out,
            "unconfined": ended.unconfined is not None,
        }
        self._control.send(json.dumps(message).encode())


def _work(job: Mapping[str, Any], plan: Plan, request_fd: int, result: jobs.Result) -> NoReturn:
    """Do one job and end."""
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        scratch = str(plan.scratch_inside)
        os.environ["HOME"] = os.environ["TMPDIR"] = tempfile.tempdir = scratch
        with os.fdopen(request_fd, "rb") as file:
            request = file.read()
        jobs.JOBS[job["kind"]](plan.inside(Path(job["folder"])), request, result)
    except BaseException as err:  # whatever a model raises is its own failure, reported as text
        text = f"{type(err).__name__}: {err}"
        with contextlib.suppress(BaseException):
            result.finish({"error": text[:2000]}, [])
    finally:
        os._exit(0)


def _be_apart(control: socket.socket, means: frozenset[Means]) -> None:
    """Move into new namespaces, in which this process may create others.

    A process namespace takes in children only, so what goes on is a child; this process waits.
    """
    enter_user_namespace(means)
    if Means.PROCESS_NAMESPACE not in means:
        return
    kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        kernel.die_with_parent(signal.SIGKILL)
        return
    control.close()
    _pid, status = os.waitpid(pid, 0)
    os._exit(abs(os.waitstatus_to_exitcode(status)))


def main(control_fd: int, layers: Sequence[str]) -> None:
    """Warm up, announce that, and serve."""
    control = socket.socket(fileno=control_fd)
    means = frozenset(Means(layer) for layer in layers)
    _be_apart(control, means)
    jobs.warm_up()
    gc.collect()
    gc.freeze()  # children then share these pages instead of copying them
    control.send(b'{"ready": true}')
    _Warm(control, means).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
