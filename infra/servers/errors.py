"""What can be wrong with a throw-away server."""

from __future__ import annotations

from infra.errors import PlatformError, UnavailableError


class ServerMissingError(PlatformError):
    """The server's program is not on this machine and cannot be obtained."""

    code = "infra.server_missing"


class ServerFailedError(UnavailableError):
    """The server was found and did not start."""

    code = "infra.server_failed"
