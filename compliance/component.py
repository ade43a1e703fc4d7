"""What compliance plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, Role

if TYPE_CHECKING:
    import click

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from compliance.cli import commands

    return commands()


def _roles() -> Sequence[Role]:
    from compliance.role import compliance_role

    return (compliance_role(),)


def _prepare(settings: Settings) -> None:
    from compliance.bootstrap import prepare

    prepare(settings)


component = Component(
    name="compliance",
    commands=_commands,
    roles=_roles,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=20,
)
