"""What serving plugs into the platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Probe, Role

if TYPE_CHECKING:
    from infra.settings import Settings


_COMMANDS = (
    CommandEntry(
        "endpoint",
        "Where models are served, and how new versions get there.",
        "serving.endpoints.cli:endpoint",
    ),
    CommandEntry(
        "rollout",
        "Versions on their way to traffic.",
        "serving.endpoints.cli:rollout",
    ),
    CommandEntry(
        "rollback",
        "Take endpoint NAME back: abort its rollout, else return to the version before.",
        "serving.endpoints.cli:rollback",
    ),
    CommandEntry(
        "seldon",
        "The same deployment for a cluster that runs Seldon.",
        "serving.endpoints.cli:seldon",
    ),
)


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
    commands=_COMMANDS,
    roles=_roles,
    probes=_probes,
    prepare=_prepare,
    order=30,
)
