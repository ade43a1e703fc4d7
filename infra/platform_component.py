"""What the kit itself plugs into the platform: commands, metrics and health of the stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Probe

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "up",
        "Run the whole platform; Ctrl-C stops all of it.",
        "infra.console.platform_cli:up_command",
    ),
    CommandEntry(
        "down",
        "Stop everything that runs in the storage root.",
        "infra.console.platform_cli:down_command",
    ),
    CommandEntry(
        "status",
        "Show each role's state, pid and URL; exit 3 unless all are ready.",
        "infra.console.platform_cli:status_command",
    ),
    CommandEntry(
        "run",
        "Run one ROLE in the foreground.",
        "infra.console.platform_cli:run_command",
    ),
    CommandEntry(
        "prepare",
        "Bring the database, folders and keys of the storage root up to date.",
        "infra.console.platform_cli:prepare_command",
    ),
    CommandEntry(
        "health",
        "Ask every probe of every component; exit 3 if one is not ok.",
        "infra.console.platform_cli:health_command",
    ),
    CommandEntry(
        "schema",
        "Look at the database's schema, and take it back.",
        "infra.console.schema_cli:schema",
    ),
)


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
    commands=_COMMANDS,
    routes=_routes,
    probes=_probes,
    prepare=_prepare,
    order=0,
)
