"""The component of `infra` itself: commands, metrics, and the stores' health."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Probe, Section, View

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from infra.settings import Group, Settings


_COMMANDS = (
    CommandEntry(
        "up",
        "Run the whole platform",
        "infra.console.platform_cli:up_command",
        Section.RUN,
    ),
    CommandEntry(
        "down",
        "Stop everything that runs here",
        "infra.console.platform_cli:down_command",
        Section.RUN,
    ),
    CommandEntry(
        "status",
        "Show what runs, and where",
        "infra.console.platform_cli:status_command",
        Section.RUN,
    ),
    CommandEntry(
        "run",
        "Run roles in the foreground",
        "infra.console.platform_cli:run_command",
        Section.OPERATE,
    ),
    CommandEntry(
        "prepare",
        "Bring database, folders and keys up to date",
        "infra.console.platform_cli:prepare_command",
        Section.OPERATE,
    ),
    CommandEntry(
        "health",
        "Ask every probe whether all is well",
        "infra.console.platform_cli:health_command",
        Section.OPERATE,
    ),
    CommandEntry(
        "login",
        "Keep a credential for the server",
        "infra.console.login_cli:login_command",
        Section.RUN,
    ),
    CommandEntry(
        "logout",
        "Forget the server's credential",
        "infra.console.login_cli:logout_command",
        Section.RUN,
    ),
    CommandEntry(
        "whoami",
        "Show as whom the server knows you",
        "infra.console.login_cli:whoami_command",
        Section.RUN,
    ),
    CommandEntry(
        "completion",
        "Complete commands in your shell",
        "infra.console.completion_cli:completion_command",
        Section.OPERATE,
    ),
    CommandEntry(
        "schema",
        "Look at the database's schema, or undo it",
        "infra.console.schema_cli:schema",
        Section.OPERATE,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from infra.identity.bearer.settings import JwtSettings
    from infra.identity.proxy.settings import ProxySettings
    from infra.identity.settings import IdentitySettings

    return (IdentitySettings, JwtSettings, ProxySettings)


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from infra.processes.exposition import routes

    return routes(settings)


def _views(settings: Settings) -> Mapping[str, View]:
    from infra.identity.whoami import whoami
    from infra.processes import health
    from infra.stores import schema

    return {
        "health": lambda _asked: health.rows(settings),
        "schema": lambda _asked: schema.revisions(settings),
        "whoami": lambda _asked: whoami(settings),
    }


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
    settings=_settings,
    routes=_routes,
    views=_views,
    probes=_probes,
    prepare=_prepare,
    order=0,
)
