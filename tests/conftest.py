"""What every test may ask for."""

from __future__ import annotations

import pytest

from tests.support.stores import RAN, postgres, s3

__all__ = ["postgres", "s3"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the real servers that the tests ran on."""
    for version in RAN:
        terminalreporter.write_line(f"ran on {version}")
