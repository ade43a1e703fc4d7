"""The first step of a program that a launcher started: forbid starting any other program.

`execve` by a second thread would shed what ends a server along with its launcher.
"""

from __future__ import annotations

from infra.confinement import kernel, seccomp


def seal() -> None:
    """Forbid this process to start any other program, for good.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.filter_system_calls(seccomp.build_seal(kernel.machine()))
