"""Refuses requests that name a foreign host or come from a foreign web page.

Without it a page anywhere can have its own domain point to 127.0.0.1 (DNS rebinding) and talk to
a server that trusts everybody on the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.errors import PlatformError
from infra.web.errors import HostNotAllowedError, OriginNotAllowedError
from infra.web.http import error_response

ANY = "*"


def host_name(authority: str) -> str:
    """Return the host of `host:port`, lower case and without brackets or a final dot."""
    text = authority.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    name, _, port = text.partition(":")
    if port and not port.isdecimal():
        # An address of version 6 without brackets, or what some readers split elsewhere
        # (`127.0.0.1:80@evil.example`): not a name of this server.
        return text
    return name.rstrip(".")


def is_allowed_host(host: str, allowed: Sequence[str]) -> bool:
    """Whether a host name, or a domain above it, is in the list."""
    return any(
        rule == ANY or host == rule or (rule.startswith("*.") and host.endswith(rule[1:]))
        for rule in allowed
    )


class AllowedNames:
    """ASGI middleware that answers 403 to foreign hosts and origins.

    A request may name the very address its connection came in on: that is no name which a foreign
    page could have pointed here.

    Args:
        app: to protect.
        hosts: as in `Edge`.
        origins: as in `Edge`.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self.hosts = [host_name(host) if host != ANY else ANY for host in hosts]
        self.origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on allowed requests; answer 403 to others."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        error = self._refusal(scope)
        if error is None:
            await self.app(_without_own_origin(scope), receive, send)
        elif scope["type"] == "http":
            await error_response(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _refusal(self, scope: Scope) -> PlatformError | None:
        headers = dict(scope["headers"])
        authority = headers.get(b"host", b"").decode("latin-1")
        host = host_name(authority)
        server = scope.get("server")
        if not is_allowed_host(host, self.hosts) and not (server and host == server[0]):
            return HostNotAllowedError(
                f"expected a host of this server, found {host[:100]!r}",
                hint="use the server's own address, or add the name to ACGS_ALLOWED_HOSTS",
            )
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if not origin or ANY in self.origins or origin in self.origins:
            return None
        if _is_own(origin, authority):
            return None
        return OriginNotAllowedError(
            f"expected a page of an allowed origin, found one of {origin[:100]!r}",
            hint="add the origin to ACGS_ALLOWED_ORIGINS",
        )


def _is_own(origin: str, authority: str) -> bool:
    _scheme, is_url, place = origin.partition("://")
    return bool(is_url) and place == authority.strip().lower()


def _without_own_origin(scope: Scope) -> Scope:
    """Drop the origin header from a request of the server's own page.

    MLflow refuses what its own page sends, unless its host is `localhost` or listed once more.
    """
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    if not origin or not _is_own(origin, headers.get(b"host", b"").decode("latin-1")):
        return scope
    return {**scope, "headers": [item for item in scope["headers"] if item[0] != b"origin"]}
