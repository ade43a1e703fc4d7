"""What the kit itself plugs into the platform: its commands, metrics and health pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import Component

if TYPE_CHECKING:
    import click
    from starlette.routing import BaseRoute

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from infra.platform_cli import commands

    return commands()


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from infra.exposition import routes

    return routes(settings)


component = Component(name="infra", commands=_commands, routes=_routes, order=0)
