"""Holds what the commands of `acgs artifact` share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.configuration import load_settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from registry.artifacts.bootstrap import Artifacts
    from registry.domain.records import VersionRecord
    from registry.versions.naming import NamedVersion


def opened() -> Artifacts:
    """Open artifact keeping, only when used: SQLAlchemy adds half a second to `acgs --help`."""
    from registry.artifacts.bootstrap import open_artifacts

    return open_artifacts(load_settings())


def version_of(artifacts: Artifacts, version: NamedVersion) -> VersionRecord:
    """Find a version."""
    return artifacts.kit.registry.versions.find_version(version.name, version.spec)


def require_model(artifacts: Artifacts, name: str | None) -> None:
    """Refuse a model that has no versions, so that a misspelt name is not taken for a clean one.

    Raises:
        UnknownVersionError: it has none.
    """
    if name is not None:
        artifacts.kit.registry.checking.require_model(name)


def size(count: int) -> str:
    """Return a number of bytes in readable form."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress on stderr, in a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as shown:
        yield shown
