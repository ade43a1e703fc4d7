"""What compliance plugs into the platform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Role

if TYPE_CHECKING:
    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "constitution",
        "The written rules that versions are judged by.",
        "compliance.cli:constitution",
    ),
    CommandEntry(
        "evidence",
        "What each model is judged on: task, holdout, label and sensitive attributes.",
        "compliance.cli:evidence",
    ),
    CommandEntry(
        "compliance",
        "Judge versions and read their reports.",
        "compliance.cli:compliance",
    ),
)


def _roles() -> Sequence[Role]:
    from compliance.role import compliance_role

    return (compliance_role(),)


def _prepare(settings: Settings) -> None:
    from compliance.bootstrap import prepare

    prepare(settings)


component = Component(
    name="compliance",
    commands=_COMMANDS,
    roles=_roles,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=20,
)
