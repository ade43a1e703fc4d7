"""Prints a command's result: JSON for programs, lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click


def emit(value: Any, as_json: bool, lines: Iterable[str]) -> None:
    """Write a result to stdout, as JSON or as lines.

    Args:
        value: JSON values.
        as_json: print the value instead of the lines.
        lines: the same for people; consumed only if they are printed.
    """
    click.echo(json.dumps(value, indent=2) if as_json else "\n".join(lines))
