"""What the commands here share: options of lists, the registry opened late, reasons as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from registry.domain.reasons import Reason, causes

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry

MAX_ID = 2**63 - 1
REQUEST_ID = click.IntRange(1, MAX_ID)
after = click.option(
    "--after", type=click.IntRange(0, MAX_ID), default=0, help="Only those after this number."
)
limit = click.option(
    "--limit",
    type=click.IntRange(1, MAX_ID),
    default=1000,
    show_default=True,
    help="At most this many.",
)


def opened(settings: Settings | None = None) -> Registry:
    """Open the registry."""
    from infra.configuration import load_settings

    # Opened late: SQLAlchemy costs every `acgs --help` half a second.
    from registry.bootstrap import open_registry

    return open_registry(settings or load_settings())


def more(option: str) -> None:
    """Say on standard error how to list what follows."""
    click.echo(f"there may be more: {option}", err=True)


def reason_lines(reasons: Sequence[Mapping[str, str]]) -> list[str]:
    """Return reasons as lines, grouped by cause."""
    return [f"  - {cause}" for cause in causes(Reason(**reason) for reason in reasons)]
