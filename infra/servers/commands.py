"""Runs commands that install other programs or print their versions."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

INSTALL_LIMIT_SECONDS = 600
ANSWER_LIMIT_SECONDS = 60


def run(
    command: list[str],
    environment: Mapping[str, str] | None = None,
    limit_seconds: int = INSTALL_LIMIT_SECONDS,
) -> str:
    """Run a command; return why it failed, or ""."""
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=limit_seconds, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as err:
        return str(err)
    return done.stderr.strip()[-800:] or f"exit code {done.returncode}" if done.returncode else ""


def output(command: list[str]) -> str:
    """Return a program's output; "" if it cannot be run."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=ANSWER_LIMIT_SECONDS, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
