"""Starts a confined child: namespaces first, then rights, then system calls."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from infra.confinement import kernel, landlock, seccomp
from infra.confinement.plan import Means, Plan
from infra.confinement.root import build_root

FAILED_EXIT = 97
"""Exit code of a child that could not be confined; it ran nothing."""
_STATUS = struct.Struct("=i")
_WRITABLE_DEVICES = (Path("/dev/null"), Path("/dev/zero"), Path("/dev/full"))


@dataclass(frozen=True, slots=True)
class Child:
    """A confined process, seen from outside.

    Attributes:
        pid: of the process to wait for or to signal. With a process namespace it is the first
            process of the namespace, whose end ends all others; it passes SIGTERM on.
    """

    pid: int
    _status_fd: int

    def wait(self) -> int:
        """Wait until it has ended; return its exit code, or minus the signal that ended it."""
        _pid, status = os.waitpid(self.pid, 0)
        inner = os.read(self._status_fd, _STATUS.size)
        os.close(self._status_fd)
        if len(inner) == _STATUS.size:
            (status,) = _STATUS.unpack(inner)
        return os.waitstatus_to_exitcode(status)


def fork_confined(
    plan: Plan,
    body: Callable[[], NoReturn],
    *,
    keep_fds: Collection[int],
    failed: Callable[[OSError], None] = lambda _error: None,
) -> Child:
    """Fork a child that runs `body` confined.

    This process must have one thread. It enters a user namespace and can do this only once, so
    fork it for the purpose.

    Args:
        plan: what the child may see and use.
        body: what the child runs; it must not return.
        keep_fds: open files that the child keeps, besides 0, 1 and 2.
        failed: called in the child when a layer cannot be had; the child then ends with
            `FAILED_EXIT` without running `body`.

    Raises:
        OSError: a layer of the plan that this process needs cannot be had.
    """
    _leave_shared(plan)
    reads, writes = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writes)
        return Child(pid, reads)
    try:
        kernel.die_with_parent(signal.SIGKILL)
        if Means.PROCESS_NAMESPACE in plan.means:
            _be_first(writes)
        elif os.getppid() != parent:
            os._exit(FAILED_EXIT)  # the parent ended before the line above
        _close_all_but(keep_fds)
        confine(plan)
    except OSError as err:
        with suppress(BaseException):
            failed(err)
        os._exit(FAILED_EXIT)
    try:
        body()
    finally:
        os._exit(FAILED_EXIT)


def confine(plan: Plan) -> None:
    """Confine this process, all layers but the process namespace, which needs a fork.

    Raises:
        OSError: a layer of the plan cannot be had.
    """
    flags = 0
    if Means.FILE_SYSTEM in plan.means:
        flags |= kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    if Means.NETWORK_NAMESPACE in plan.means:
        flags |= kernel.CLONE_NEWNET
    if flags:
        kernel.unshare(flags)
    if Means.FILE_SYSTEM in plan.means:
        build_root(plan)
    scratch = plan.scratch_inside
    os.chdir(scratch)
    if Means.LIMITS in plan.means:
        plan.limits.apply()
    if not plan.means:
        return
    kernel.drop_capabilities()
    kernel.forbid_new_privileges()
    if Means.LANDLOCK in plan.means:
        own_root = Means.FILE_SYSTEM in plan.means
        readable = [Path("/")] if own_root else [mount.source for mount in plan.mounts]
        landlock.restrict(readable, [scratch, *_WRITABLE_DEVICES])
    if Means.SECCOMP in plan.means:
        kernel.filter_system_calls(
            seccomp.build(
                kernel.machine(),
                os.getpid(),
                may_run_programs=plan.may_run_programs,
                may_change_attributes=Means.FILE_SYSTEM in plan.means,
            )
        )


def _leave_shared(plan: Plan) -> None:
    flags = 0
    if Means.USER_NAMESPACE in plan.means:
        flags |= kernel.CLONE_NEWUSER
    if Means.PROCESS_NAMESPACE in plan.means:
        flags |= kernel.CLONE_NEWPID
    user, group = os.geteuid(), os.getegid()
    if flags:
        kernel.unshare(flags)
    if Means.USER_NAMESPACE in plan.means:
        # The same ids: the model's files stay readable, and nobody else's become so.
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _be_first(status_fd: int) -> None:
    """Split the first process of a namespace in two: one that waits, one that goes on.

    The first process ignores every signal that it has no handler for, even `abort`'s; what runs
    a model should end as any other process does.
    """
    kernel.hide_from_tracers()
    pid = os.fork()
    if pid == 0:
        kernel.die_with_parent(signal.SIGKILL)
        return
    os.setsid()
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(pid, number))
    _close_all_but([status_fd])
    _pid, status = os.waitpid(pid, 0)
    os.write(status_fd, _STATUS.pack(status))
    os._exit(0)


def _close_all_but(keep_fds: Collection[int]) -> None:
    previous = 2
    for fd in sorted({fd for fd in keep_fds if fd > 2}):
        os.closerange(previous + 1, fd)
        previous = fd
    os.closerange(previous + 1, os.sysconf("SC_OPEN_MAX"))
