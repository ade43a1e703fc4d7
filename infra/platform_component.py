"""What the kit itself plugs into the platform: commands, metrics and health of the stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infra.component import Component, Probe

if TYPE_CHECKING:
    import click
    from starlette.routing import BaseRoute

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from infra.console.platform_cli import commands
    from infra.console.schema_cli import schema

    return (*commands(), schema)


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from infra.processes.exposition import routes

    return routes(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from infra.confinement import health
    from infra.stores import health as store_health

    return (*store_health.probes(settings), health.probe(settings))


def _prepare(settings: Settings) -> None:
    from infra.stores.health import require_artifact_store

    require_artifact_store(settings)


component = Component(
    name="infra",
    commands=_commands,
    routes=_routes,
    probes=_probes,
    prepare=_prepare,
    order=0,
)
