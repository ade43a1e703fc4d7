"""Adds lineage to the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Section, View

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


def _views(settings: Settings) -> Mapping[str, View]:
    from registry.lineage.reads import views

    return views(settings)


component = Component(name="lineage", commands=_COMMANDS, routes=_routes, views=_views, order=20)
