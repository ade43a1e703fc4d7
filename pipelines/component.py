"""What `pipelines` adds to the platform: the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Component

if TYPE_CHECKING:
    import click


def _commands() -> Sequence[click.Command]:
    from pipelines.demo.command import demo

    return (demo,)


component = Component(name="pipelines", commands=_commands, order=400)
