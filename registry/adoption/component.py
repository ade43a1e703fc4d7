"""Adds adoption to the platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Role, Section

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "adoption",
        "Record what plain MLflow registered",
        "registry.adoption.cli:adoption",
        Section.OPERATE,
    ),
    CommandEntry(
        "uninstall",
        "Take the platform out of the database",
        "registry.adoption.cli:uninstall_command",
        Section.OPERATE,
    ),
)


def _roles() -> Sequence[Role]:
    from registry.adoption.role import adoption_role

    return (adoption_role(),)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from registry.adoption.operations import operations

    return operations(settings)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.adoption.metrics import collectors

    return collectors(settings)


component = Component(
    name="adoption",
    commands=_COMMANDS,
    roles=_roles,
    operations=_operations,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    order=15,
)
