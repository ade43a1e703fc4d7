"""What the commands of `acgs artifact` share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from infra.settings import load_settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from registry.artifacts.service import Artifacts
    from registry.domain.records import VersionRecord

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
reason = click.option("--reason", required=True, help="Why, for the audit trail.")


def opened() -> Artifacts:
    """Open artifact keeping; late, since SQLAlchemy costs every `acgs --help` half a second."""
    from registry.artifacts.bootstrap import open_artifacts

    return open_artifacts(load_settings())


def version_of(artifacts: Artifacts, text: str) -> VersionRecord:
    """Find NAME@VERSION; without a version, the newest one."""
    from registry.versions.naming import split_name

    name, spec = split_name(text)
    if spec is not None:
        return artifacts.kit.registry.versions.find_version(name, spec)
    newest = artifacts.kit.registry.versions.versions(name)
    return newest[0] if newest else artifacts.kit.registry.versions.find_version(name, "")


def print_result(value: Any, as_json: bool, lines: Sequence[str]) -> None:
    """Print a result as JSON or as text."""
    click.echo(json.dumps(value, indent=2) if as_json else "\n".join(lines))


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
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
