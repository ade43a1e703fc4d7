"""What artifact keeping plugs into the platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, Probe, Role

if TYPE_CHECKING:
    import click
    from prometheus_client.registry import Collector

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from registry.artifacts.cli import artifact

    return (artifact,)


def _roles() -> Sequence[Role]:
    from registry.artifacts.role import artifacts_role

    return (artifacts_role(),)


def _collectors(settings: Settings) -> Sequence[Collector]:
    from registry.artifacts.metrics import collectors

    return collectors(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from registry.artifacts.metrics import probes

    return probes(settings)


def _prepare(settings: Settings) -> None:
    from registry.artifacts.adapters.keys import SigningKeys

    SigningKeys(settings).current()


component = Component(
    name="artifacts",
    commands=_commands,
    roles=_roles,
    probes=_probes,
    collectors=_collectors,
    migrations=Path(__file__).parent / "adapters" / "migrations",
    prepare=_prepare,
    order=20,
)
