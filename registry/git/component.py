"""Adds the git tags to the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Probe, Role, Section, View

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from infra.settings import Group, Settings


_COMMANDS = (
    CommandEntry(
        "git",
        "Keep a git tag for each version and stage",
        "registry.git.cli:git",
        Section.KEEP,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from registry.git.settings import GitSettings

    return (GitSettings,)


def _roles() -> Sequence[Role]:
    from registry.git.role import git_role

    return (git_role(),)


def _views(settings: Settings) -> Mapping[str, View]:
    from registry.git.reads import views

    return views(settings)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from registry.git.operations import operations

    return operations(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from registry.git.health import probes

    return probes(settings)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.git.health import collectors

    return collectors(settings)


component = Component(
    name="git",
    commands=_COMMANDS,
    settings=_settings,
    roles=_roles,
    views=_views,
    operations=_operations,
    probes=_probes,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    order=15,
)
