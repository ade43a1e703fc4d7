"""What lineage plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Component

if TYPE_CHECKING:
    import click
    from starlette.routing import BaseRoute

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from registry.lineage.cli import lineage

    return (lineage,)


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from registry.lineage.routes import routes

    return routes(settings)


component = Component(name="lineage", commands=_commands, routes=_routes, order=20)
