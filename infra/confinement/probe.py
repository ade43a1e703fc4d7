"""Finds out which layers of confinement this machine offers, by starting a program in them.

Tried in a process of its own with one thread, because namespaces can be left only there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NoReturn

from infra.confinement import kernel, landlock, seccomp
from infra.confinement.enter import enter_user_namespace, fork_confined
from infra.confinement.plan import Limits, Means, Plan, python_mounts

TIMEOUT_SECONDS = 30.0
LANDLOCK_VERSION = 3
"""The first version that keeps a process from truncating files (Linux 6.2)."""
_LIMITS = Limits(memory_bytes=8_000_000_000, file_bytes=1_000_000)


@cache
def available() -> frozenset[Means]:
    """Return the layers that work here together; asks the kernel once per process.

    If the probe fails, no layer counts as available.
    """
    program = f"import sys; sys.path.insert(0, {str(_code_root())!r}); "
    program += "from infra.confinement.probe import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return frozenset(Means(name) for name in json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return frozenset()


def missing(means: Iterable[Means]) -> tuple[str, ...]:
    """Return what this machine lacks of the minimum; empty if models may run.

    The minimum is seccomp, which closes network, processes and signals; resource limits; and one
    of the two layers that close the file system.
    """
    has = frozenset(means)
    lacks = [layer.value for layer in (Means.SECCOMP, Means.LIMITS) if layer not in has]
    if not has & {Means.FILE_SYSTEM, Means.LANDLOCK}:
        lacks.append(f"{Means.FILE_SYSTEM} or {Means.LANDLOCK} (version {LANDLOCK_VERSION})")
    return tuple(lacks)


def main() -> None:
    """Print the layers as JSON."""
    offered = frozenset(layer for layer in Means if _offered(layer))
    print(json.dumps(sorted(offered if _works(offered) else _together(offered))))


def _together(offered: frozenset[Means]) -> frozenset[Means]:
    """Return the layers that work together: each is kept if it works with those kept before."""
    found: frozenset[Means] = frozenset()
    for layer in Means:
        if layer in offered and _works(found | {layer}):
            found |= {layer}
    return found


def _offered(layer: Means) -> bool:
    match layer:
        case Means.LANDLOCK:
            return landlock.version() >= LANDLOCK_VERSION
        case Means.SECCOMP:
            return seccomp.supported(kernel.machine())
        case (
            Means.USER_NAMESPACE
            | Means.FILE_SYSTEM
            | Means.PROCESS_NAMESPACE
            | Means.NETWORK_NAMESPACE
            | Means.LIMITS
        ):
            return True


def _works(means: frozenset[Means]) -> bool:
    mounts = python_mounts(Path(sys.executable), [_code_root() / "infra"])
    # A model server's case: what holds with a new program holds in a forked child as well.
    plan = Plan(means, mounts, Path("/"), _LIMITS, may_run_programs=True)
    pid = os.fork()
    if pid == 0:
        _try(plan)
    _pid, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _try(plan: Plan) -> NoReturn:
    code = 1
    try:
        enter_user_namespace(plan.means)
        code = fork_confined(plan, _run_a_program, keep_fds=()).wait().code
    finally:
        os._exit(min(abs(code), 255))


def _run_a_program() -> NoReturn:
    os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", ""], {})  # noqa: S606


def _code_root() -> Path:
    return Path(__file__).resolve().parents[2]
