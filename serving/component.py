"""What serving plugs into the platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infra.component import Component, Probe, Role

if TYPE_CHECKING:
    import click

    from infra.settings import Settings


def _commands() -> Sequence[click.Command]:
    from serving.endpoints.cli import commands

    return commands()


def _roles() -> Sequence[Role]:
    from serving.roles import deployer_role, gateway_role

    return (gateway_role(), deployer_role())


def _prepare(settings: Settings) -> None:
    from serving.engines.local.environment import serving_python
    from serving.gateway.envoy import prepare_files

    serving_python(settings)
    prepare_files(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from serving.endpoints.probes import probe_endpoints

    return probe_endpoints(settings)


component = Component(
    name="serving",
    commands=_commands,
    roles=_roles,
    probes=_probes,
    prepare=_prepare,
    order=30,
)
