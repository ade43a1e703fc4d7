"""Client of Envoy's admin interface, a socket that only the platform's own user may open."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from infra.errors import UnavailableError

if TYPE_CHECKING:
    from infra.settings import Settings

TIMEOUT_SECONDS = 2.0
ADMIN_SOCKET = "admin.sock"


class GatewayError(UnavailableError):
    """The gateway does not answer, or has not accepted a change."""

    code = "serving.gateway_unavailable"


def folder(settings: Settings) -> Path:
    """Return the folder of the gateway's files, in which Envoy is started."""
    return settings.folder("serving/envoy")


class Admin:
    """A client of the socket; may be made before Envoy starts."""

    def __init__(self, settings: Settings) -> None:
        self._path = folder(settings) / ADMIN_SOCKET

    def get(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200.

        Raises:
            GatewayError: Envoy does not answer, or answers something else.
        """
        connection = _Connection(self._path)
        try:
            connection.request("GET", f"{path}?{urlencode(query or {})}")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as err:
            raise self._error(f"found no answer: {err}") from err
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise self._error(f"found {answer.status}: {body[:200].decode(errors='replace')}")
        return body

    def _error(self, found: str) -> GatewayError:
        return GatewayError(
            f"the gateway's admin interface {self._path} did not answer: expected 200, {found}",
            hint="see `acgs status`; the role is called gateway",
        )


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket. httpx leaves a socket open when it cannot connect to one."""

    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect through the folder's descriptor: a socket's path may have 107 bytes at most."""
        folder_descriptor = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        try:
            self.sock.connect(f"/proc/self/fd/{folder_descriptor}/{self._path.name}")
        except OSError:
            self.close()
            raise
        finally:
            os.close(folder_descriptor)
