"""Refuses servers: with `-p tests.support.no_servers`, a test that starts one as a process fails.

A listener in a thread of the test's own, which costs nothing, is none of those.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

PROGRAMS = frozenset(
    {"postgres", "initdb", "pg_ctl", "minio", "envoy", "chromium", "chrome", "headless_shell"}
)
MODULES = frozenset({"mlflow", "uvicorn", "serving.runtime", "infra.servers.guard"})
COMMANDS = frozenset({"up", "run", "demo"})
"""Of `acgs`: they start the platform or a role of it."""


class ServerRefusedError(AssertionError):
    """A test that is to be fast started a server."""


def pytest_configure() -> None:
    """Refuse servers from now on, until the process ends."""
    sys.addaudithook(_refuse)


def is_server(words: Sequence[str]) -> bool:
    """Return whether a command starts a server."""
    if "--version" in words:
        return False
    names = {os.path.basename(word) for word in words}
    pairs = set(pairwise(words))
    modules = {module for flag, module in pairs if flag == "-m"}
    is_ours = "acgs" in names or "infra" in modules
    return bool(names & PROGRAMS or modules & MODULES or (is_ours and COMMANDS & set(words)))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("subprocess.Popen", "os.posix_spawn"):
        return
    given = arguments[1]
    listed = [given] if isinstance(given, str | bytes | os.PathLike) else given
    words = [os.fsdecode(word) for word in listed]
    if is_server(words):
        raise ServerRefusedError(
            f"expected a test that starts no server, found {' '.join(words)[:200]}; "
            "its place is tests/integration, tests/contract or tests/e2e"
        )
