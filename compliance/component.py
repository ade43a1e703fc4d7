"""The component of `compliance`: its commands, role and set-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Role, Section, View

if TYPE_CHECKING:
    from infra.settings import Group, Settings


_COMMANDS = (
    CommandEntry(
        "constitution",
        "Read, check and lock the written rules",
        "compliance.cli:constitution",
        Section.KEEP,
    ),
    CommandEntry(
        "evidence",
        "Say what each model is judged on",
        "compliance.cli:evidence",
        Section.KEEP,
    ),
    CommandEntry(
        "compliance",
        "Judge versions and read their reports",
        "compliance.cli:compliance",
        Section.LOOK,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from compliance.settings import ComplianceSettings

    return (ComplianceSettings,)


def _roles() -> Sequence[Role]:
    from compliance.role import compliance_role

    return (compliance_role(),)


def _views(settings: Settings) -> Mapping[str, View]:
    from compliance.reads import views

    return views(settings)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from compliance.operations import operations

    return operations(settings)


def _prepare(settings: Settings) -> None:
    from compliance.bootstrap import prepare

    prepare(settings)


component = Component(
    name="compliance",
    commands=_COMMANDS,
    settings=_settings,
    roles=_roles,
    views=_views,
    operations=_operations,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=20,
)
