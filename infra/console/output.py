"""Writes what a command found: JSON for programs, lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click


def emit(value: Any, as_json: bool, lines: Iterable[str]) -> None:
    """Write a result to stdout, as JSON or as lines.

    Args:
        value: JSON values.
        as_json: whether the value is asked for, else the lines.
        lines: the same for people; read only where they are written.
    """
    click.echo(json.dumps(value, indent=2) if as_json else "\n".join(lines))
