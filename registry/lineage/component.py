"""Adds lineage to the platform."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Section

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "lineage",
        "Trace where versions come from and served",
        "registry.lineage.cli:lineage",
        Section.LOOK,
    ),
)


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from registry.lineage.routes import routes

    return routes(settings)


component = Component(name="lineage", commands=_COMMANDS, routes=_routes, order=20)
