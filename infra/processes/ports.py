"""Checks ports before anything starts, so that the error names the process that has one."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from infra.errors import PortInUseError, SettingsError, UnavailableError

if TYPE_CHECKING:
    from infra.component import Role
    from infra.settings import Settings


def check(settings: Settings, roles: Iterable[Role]) -> None:
    """Check that every port the roles will bind is free and named once.

    Raises:
        SettingsError: two settings name one port.
        PortInUseError: another process listens on one.
        UnavailableError: the address cannot be bound at all.
    """
    wanted = [(name, port) for role in roles for name, port in role.ports(settings)]
    _require_distinct(wanted)
    for name, port in wanted:
        _require_free(settings.host, port, name)


def _require_distinct(wanted: Sequence[tuple[str, int]]) -> None:
    seen: dict[int, str] = {}
    for name, port in wanted:
        if seen.setdefault(port, name) != name:
            raise SettingsError(
                f"port {port}: expected one setting to name it, found {seen[port]} and {name}",
                hint=f"give {name} another port",
            )


def _require_free(host: str, port: int, setting: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as err:
            if err.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"port {port} ({setting}): expected a free port on {host}, found that "
                    f"{holder(port)} listens on it",
                    hint=f"end that process, or set {setting} to a free port",
                ) from err
            raise UnavailableError(
                f"cannot bind {host}:{port} ({setting}): {err.strerror}",
                hint="check ACGS_HOST and the port",
            ) from err


def holder(port: int) -> str:
    """Describe the process that listens on a TCP port, as far as this user may know."""
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or connection.laddr[1:2] != (port,):
                continue
            if connection.pid is None:
                break
            name = psutil.Process(connection.pid).name()
            return f"process {connection.pid} ({name})"
    except psutil.Error:
        pass
    return "another user's process"
