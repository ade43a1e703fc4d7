"""Adds artifact keeping to the platform."""

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
        "artifact",
        "Prove, repair and free the files of versions",
        "registry.artifacts.cli:artifact",
        Section.KEEP,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from registry.artifacts.settings import ArtifactSettings

    return (ArtifactSettings,)


def _roles() -> Sequence[Role]:
    from registry.artifacts.role import artifacts_role

    return (artifacts_role(),)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.artifacts.metrics import collectors

    return collectors(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from registry.artifacts.metrics import probes

    return probes(settings)


def _views(settings: Settings) -> Mapping[str, View]:
    from registry.artifacts.views import views

    return views(settings)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from registry.artifacts.operations import operations

    return operations(settings)


def _prepare(settings: Settings) -> None:
    from registry.artifacts.adapters.keys import SigningKeys

    SigningKeys(settings).current()


component = Component(
    name="artifacts",
    commands=_COMMANDS,
    settings=_settings,
    roles=_roles,
    probes=_probes,
    views=_views,
    operations=_operations,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=20,
)
