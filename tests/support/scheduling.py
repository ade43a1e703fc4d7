"""Which worker runs what, and in which order."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from tests.support.platform import PAIRS

CLONE = Path(__file__).parents[2]
FIRST = ("e2e", "contract", "integration")
"""Folders whose files take long; all others are short and fill the gap at the end."""


class ByPlatformOrFile(LoadFileScheduling):  # type: ignore[misc]
    """What takes long to start and is never idle, two workers need not have one each.

    The marks of xdist's own `--dist loadgroup` are lost on pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return platform_of(nodeid) or _model_server_in(file) or file


def turn(nodeid: str) -> int:
    """Return when a test comes: smaller is earlier."""
    if platform_of(nodeid):
        return 0
    folder = Path(nodeid.partition("::")[0]).parts[1]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


def platform_of(nodeid: str) -> str | None:
    """Return which shared platform a test uses, as its parameters or its file's imports tell."""
    file, _, test = nodeid.partition("::")
    for pair, name in PAIRS.items():
        if pair in test:
            return name
    return _platform_in(file)


@cache
def _platform_in(file: str) -> str | None:
    if "/e2e/" in file:
        return None  # each starts one of its own
    text = (CLONE / file).read_text()
    if "server_platform" in text:
        return "server_platform"
    uses = "from tests.support.platform import Platform\n" in text
    return "embedded_platform" if uses else None


@cache
def _model_server_in(file: str) -> str | None:
    """Return which model server of its folder's `conftest.py` a file shares with others."""
    shares = "/serving/runtime/" in file and "mixed" in (CLONE / file).read_text()
    return "mixed_server" if shares else None
