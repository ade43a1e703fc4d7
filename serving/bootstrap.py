"""Puts serving together; importing this opens nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from infra.settings import Settings
from registry.bootstrap import open_registry
from serving.adapters.envoy import EnvoyGateway
from serving.adapters.local import Command, LocalServers
from serving.adapters.models import ModelFolders
from serving.controller import Deployer


@contextmanager
def open_deployer(settings: Settings, *, command: Command | None = None) -> Generator[Deployer]:
    """Give a deployer that realises deployments on this machine.

    Args:
        settings: of the platform.
        command: how a model server is started; default is `serving.runtime`.
    """
    registry = open_registry(settings)
    gateway = EnvoyGateway(settings)
    servers = LocalServers(settings, ModelFolders(settings, registry), command=command)
    try:
        yield Deployer(registry, gateway, servers)
    finally:
        servers.close()
        gateway.close()
        registry.engine.dispose()
