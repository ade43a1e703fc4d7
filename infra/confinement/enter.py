"""Starts a confined child: namespaces first, then rights, then system calls."""

from __future__ import annotations

import os
import signal
import subprocess
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
_FIRST_PROGRAM = "cat"
_WRITABLE_DEVICES = (Path("/dev/null"), Path("/dev/zero"), Path("/dev/full"))


@dataclass(frozen=True, slots=True)
class Ended:
    """How a confined process ended.

    Attributes:
        code: its exit code, or minus the signal that ended it.
        unconfined: why its body was not run; None when it was.
    """

    code: int
    unconfined: str | None


@dataclass(frozen=True, slots=True)
class Child:
    """A confined process, seen from outside.

    Attributes:
        pid: of the process itself, a child of this one.
    """

    pid: int
    _namespace: _ProcessNamespace | None
    _report: int

    def wait(self) -> Ended:
        """Wait until the process has ended, and end what it left behind; call this once."""
        _pid, status = os.waitpid(self.pid, 0)
        self.end()
        # Only what ran before the body could write here; with the child its other end is closed.
        with os.fdopen(self._report, "rb") as report:
            unconfined = report.read().decode() or None
        return Ended(os.waitstatus_to_exitcode(status), unconfined)

    def end(self) -> None:
        """End every process of the child's namespace."""
        if self._namespace is not None:
            self._namespace.end()


def enter_user_namespace(means: Collection[Means]) -> None:
    """Enter a user namespace, if it is one of the layers; the other namespaces need its rights.

    This process must have one thread, and can do this once.

    Raises:
        OSError: the kernel refuses.
    """
    if Means.USER_NAMESPACE not in means:
        return
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER)
    # The same ids: the model's files stay readable, and nobody else's become so.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    # The first process of a namespace still has the machine's root.
    kernel.keep_one_capability()


def fork_confined(
    plan: Plan,
    body: Callable[[], NoReturn],
    *,
    keep_fds: Collection[int],
    own_namespace_fd: int | None = None,
    own_session: bool = False,
) -> Child:
    """Fork a child that runs `body` confined.

    This process must have one thread and have entered its user namespace. When a layer is
    unavailable, the child ends with `FAILED_EXIT` without running `body`.

    Args:
        plan: what the child may see and use.
        body: what the child runs; it must not return.
        keep_fds: open files that the child keeps, besides 0, 1 and 2.
        own_namespace_fd: `/proc/self/ns/pid`, opened, of a process that forks more than once; the
            namespace must belong to its user namespace.
        own_session: let no signal to this process's group reach the child.

    Raises:
        OSError: the process namespace is unavailable.
    """
    namespace = None
    if Means.PROCESS_NAMESPACE in plan.means:
        kernel.unshare(kernel.CLONE_NEWPID)
        namespace = _ProcessNamespace.begin()
    parent = os.getpid()
    report, reports = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(report)
        os.close(reports)
        if namespace is not None:
            namespace.end()
        raise
    if pid:
        os.close(reports)
        if own_namespace_fd is not None:
            kernel.enter_namespace(own_namespace_fd, kernel.CLONE_NEWPID)
        return Child(pid, namespace, report)
    try:
        kernel.die_with_parent(signal.SIGKILL)
        if namespace is None and os.getppid() != parent:
            os._exit(FAILED_EXIT)  # the parent ended before the line above
        if own_session:
            os.setsid()
        _close_all_but([*keep_fds, reports])
        confine(plan)
        os.close(reports)
    except BaseException as err:  # nothing may go on unconfined
        with suppress(BaseException):
            os.write(reports, f"{type(err).__name__}: {err}".encode())
        os._exit(FAILED_EXIT)
    try:
        body()
    finally:
        os._exit(FAILED_EXIT)


@dataclass(frozen=True, slots=True)
class _ProcessNamespace:
    """A process namespace that lives as long as this process holds a pipe open.

    Its first process reads the pipe, so it ends with the process that holds the other end, and the
    kernel ends all others along with it. What runs a model is not the first process, since that one
    ignores every signal that it does not handle, even `abort`'s.
    """

    first: subprocess.Popen[bytes]

    @classmethod
    def begin(cls) -> _ProcessNamespace:
        """Start the first process; `unshare` has been called."""
        return cls(
            subprocess.Popen(
                [_FIRST_PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                cwd="/",
            )
        )

    def end(self) -> None:
        """End the namespace's first process, and with it all others; idempotent."""
        if self.first.stdin is not None:
            self.first.stdin.close()
        self.first.kill()
        self.first.wait()


def confine(plan: Plan) -> None:
    """Confine this process, all layers but the process namespace, which needs a fork.

    Raises:
        OSError: a layer of the plan is unavailable.
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
        plan.limits.apply(counts_threads=Means.USER_NAMESPACE in plan.means)
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


def _close_all_but(keep_fds: Collection[int]) -> None:
    previous = 2
    for fd in sorted({fd for fd in keep_fds if fd > 2}):
        os.closerange(previous + 1, fd)
        previous = fd
    os.closerange(previous + 1, os.sysconf("SC_OPEN_MAX"))
