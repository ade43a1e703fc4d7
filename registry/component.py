"""What the registry plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, Role

if TYPE_CHECKING:
    import click
    from prometheus_client.registry import Collector
    from starlette.routing import BaseRoute

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from registry.commands import version_check, version_diff
    from registry.commands.groups import commands
    from registry.commands.version import version
    from registry.webhooks.cli import webhook

    for command in (*version_diff.commands(), *version_check.commands()):
        version.add_command(command)
    return (*commands(), version, webhook)


def _roles() -> Sequence[Role]:
    from registry.manager import manager_role
    from registry.server import registry_role

    return (registry_role(), manager_role())


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from registry.plugin.routes import routes

    return routes(settings)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.metrics import collectors

    return collectors(settings)


component = Component(
    name="registry",
    commands=_commands,
    roles=_roles,
    routes=_routes,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    order=10,
)
