"""Builds the deployer; importing this module opens nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from infra.clock import utc_now
from infra.settings import Settings
from registry.audit.adapters.confinement_waivers import confinement
from registry.bootstrap import open_registry
from serving.control.controller import Deployer
from serving.engines.local.confined import confined_runtime
from serving.engines.local.engine import Command, LocalServers
from serving.engines.local.model_folders import ModelFolders
from serving.gateway.envoy import EnvoyGateway


@contextmanager
def open_deployer(settings: Settings, *, command: Command | None = None) -> Generator[Deployer]:
    """Return a deployer that runs deployments on this machine.

    Args:
        settings: of the platform.
        command: how a model server is started; default is `serving.runtime`, confined.

    Raises:
        ConfinementError: models cannot be confined here.
    """
    registry = open_registry(settings)
    if command is None:
        means = confinement(settings, registry.engine, "deployer", utc_now())
        command = confined_runtime(settings, means)
    gateway = EnvoyGateway(settings)
    servers = LocalServers(settings, ModelFolders(settings, registry.files), command=command)
    try:
        yield Deployer(registry, gateway, servers)
    finally:
        servers.close()
        registry.engine.dispose()
