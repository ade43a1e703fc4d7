"""The component of `serving`: its commands, roles, views and probes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from infra.component import CommandEntry, Component, Operation, Probe, Role, Section, View

if TYPE_CHECKING:
    from infra.settings import Group, Settings


_COMMANDS = (
    CommandEntry(
        "endpoint",
        "Serve models, and plan their rollouts",
        "serving.endpoints.cli:endpoint",
        Section.DECIDE,
    ),
    CommandEntry(
        "rollout",
        "Follow and steer versions into traffic",
        "serving.endpoints.cli:rollout",
        Section.DECIDE,
    ),
    CommandEntry(
        "rollback",
        "Return an endpoint to the version before",
        "serving.endpoints.cli:rollback",
        Section.DECIDE,
    ),
    CommandEntry(
        "seldon",
        "Render endpoints for a cluster with Seldon",
        "serving.endpoints.cli:seldon",
        Section.OPERATE,
    ),
    CommandEntry(
        "setup",
        "Install what model servers run in",
        "serving.endpoints.setup_cli:setup",
        Section.OPERATE,
    ),
)


def _settings() -> Sequence[type[Group]]:
    from serving.settings import ServingSettings

    return (ServingSettings,)


def _roles() -> Sequence[Role]:
    from serving.roles import deployer_role, gateway_role

    return (gateway_role(), deployer_role())


def _views(settings: Settings) -> Mapping[str, View]:
    from serving.endpoints.reads import views

    return views(settings)


def _operations(settings: Settings) -> Mapping[str, Operation]:
    from serving.endpoints.operations import operations

    return operations(settings)


def _prepare(settings: Settings) -> None:
    from serving.engines.local.environment import provide
    from serving.gateway.envoy import prepare_files

    provide(settings)
    prepare_files(settings)


def _probes(settings: Settings) -> Iterable[Probe]:
    from serving.endpoints.probes import probe_endpoints

    return probe_endpoints(settings)


component = Component(
    name="serving",
    commands=_COMMANDS,
    settings=_settings,
    roles=_roles,
    views=_views,
    operations=_operations,
    probes=_probes,
    prepare=_prepare,
    order=30,
)
