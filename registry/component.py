"""Adds the registry to the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Probe, Role, Section, View

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
    from starlette.routing import BaseRoute

    from infra.settings import Group, Settings


_COMMANDS = (
    CommandEntry(
        "model",
        "List and show registered models",
        "registry.commands.models:model",
        Section.LOOK,
    ),
    CommandEntry(
        "request",
        "Follow requests to move a version",
        "registry.commands.requests:request",
        Section.DECIDE,
    ),
    CommandEntry(
        "promote",
        "Ask for a version to move to a stage",
        "registry.commands.decisions:promote",
        Section.DECIDE,
    ),
    CommandEntry(
        "approve",
        "Approve a request, or take that back",
        "registry.commands.decisions:approve",
        Section.DECIDE,
    ),
    CommandEntry(
        "reject",
        "Reject a request, which refuses it",
        "registry.commands.decisions:reject",
        Section.DECIDE,
    ),
    CommandEntry(
        "delegation",
        "Lend your vote to somebody",
        "registry.commands.delegations:delegation",
        Section.DECIDE,
    ),
    CommandEntry(
        "access",
        "Say who may do what",
        "registry.commands.access:access",
        Section.DECIDE,
    ),
    CommandEntry(
        "audit",
        "Read and prove who did what",
        "registry.commands.audit:audit",
        Section.LOOK,
    ),
    CommandEntry(
        "version",
        "Show, compare, advise against and release",
        "registry.commands.version:version",
        Section.LOOK,
    ),
    CommandEntry(
        "token",
        "Give programs tokens, and revoke them",
        "registry.tokens.cli:token",
        Section.OPERATE,
    ),
    CommandEntry(
        "webhook",
        "Subscribe to events, follow deliveries",
        "registry.webhooks.cli:webhook",
        Section.OPERATE,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from registry.audit.merkle.settings import AuditSettings, WitnessSettings
    from registry.plugin.users.settings import UsersSettings
    from registry.settings import RegistrySettings

    return (RegistrySettings, AuditSettings, WitnessSettings, UsersSettings)


def _roles() -> Sequence[Role]:
    from registry.audit.merkle.witness_role import witness_role
    from registry.manager import manager_role
    from registry.plugin.server import registry_role

    return (registry_role(), manager_role(), witness_role())


def _routes(settings: Settings) -> Sequence[BaseRoute]:
    from registry.bootstrap import open_registry
    from registry.plugin import request_page
    from registry.plugin.routes import routes

    return (*routes(settings), *request_page.routes(settings, open_registry(settings)))


def _views(settings: Settings) -> Mapping[str, View]:
    from registry.views.reads import views

    return views(settings)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from registry.operations.all import operations

    return operations(settings)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.metrics import collectors

    return collectors(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from registry.audit.merkle.health import probes
    from registry.plugin.caller_sources import probe

    return (probe(settings), *probes(settings))


def _prepare(settings: Settings) -> None:
    from registry.audit.merkle.bootstrap import make_keys
    from registry.bootstrap import open_registry

    make_keys(settings)

    registry = open_registry(settings)
    try:
        registry.governance.note_in_force()
    finally:
        registry.engine.dispose()


component = Component(
    name="registry",
    commands=_COMMANDS,
    settings=_settings,
    roles=_roles,
    views=_views,
    operations=_operations,
    routes=_routes,
    probes=_probes,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=10,
)
