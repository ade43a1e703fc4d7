"""Options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
"""Every command that shows data takes it; docs/reference/cli-json.md says what it prints."""

dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
"""Every command that changes something takes it."""


def reason(*, required: bool) -> Callable[[_Function], _Function]:
    """Return the option `--reason`, in which people say why."""
    if required:
        return click.option("--reason", required=True, help="Why, for the audit trail.")
    return click.option("--reason", default="", help="Why, for the audit trail.")
