"""What the registry plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Role

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
    from starlette.routing import BaseRoute

    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "model",
        "Registered models and their versions.",
        "registry.commands.groups:model",
    ),
    CommandEntry(
        "request",
        "Requests to move a version, and what became of them.",
        "registry.commands.groups:request",
    ),
    CommandEntry(
        "promote",
        "Ask for a version to move to a stage, through the same gate as everybody.",
        "registry.commands.groups:promote",
    ),
    CommandEntry(
        "approve",
        "Approve request REQUEST_ID; exit 1 if it is refused all the same.",
        "registry.commands.groups:approve",
    ),
    CommandEntry(
        "reject",
        "Reject request REQUEST_ID, which refuses it.",
        "registry.commands.groups:reject",
    ),
    CommandEntry(
        "audit",
        "The audit trail.",
        "registry.commands.groups:audit",
    ),
    CommandEntry(
        "version",
        "Versions of a model: their numbers, what changed between them, whether to use them.",
        "registry.commands.version:version",
    ),
    CommandEntry(
        "webhook",
        "Subscriptions to events, and their deliveries.",
        "registry.webhooks.cli:webhook",
    ),
)


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
    commands=_COMMANDS,
    roles=_roles,
    routes=_routes,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    order=10,
)
