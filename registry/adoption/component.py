"""What adoption plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, Role

if TYPE_CHECKING:
    import click
    from prometheus_client.registry import Collector

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from registry.adoption.cli import commands

    return commands()


def _roles() -> Sequence[Role]:
    from registry.adoption.role import adoption_role

    return (adoption_role(),)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.adoption.metrics import collectors

    return collectors(settings)


component = Component(
    name="adoption",
    commands=_commands,
    roles=_roles,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    order=15,
)
