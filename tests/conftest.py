"""What every test may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stores import RAN, databases, postgres, s3

__all__ = ["databases", "postgres", "s3"]

_KEY = "acgs_servers"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints which servers this worker started."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = list(RAN)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take a worker's servers over."""
    RAN.extend(getattr(node, "workeroutput", {}).get(_KEY, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the real servers that the tests ran on."""
    for version in dict.fromkeys(RAN):
        terminalreporter.write_line(f"ran on {version}")
