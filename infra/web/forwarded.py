"""Believes what a request says about its client only if a configured proxy says it.

Uvicorn by itself believes every process on 127.0.0.1, so anybody on the machine could write any
address into the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.web.edge import Edge

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_ARRIVED = "acgs.arrived"
_FORWARDING = (b"forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip")


def arrived(scope: Scope) -> tuple[Sequence[tuple[bytes, bytes]], str]:
    """Return a request's headers and peer as the connection had them.

    Whether a proxy may say who its client is does not depend on what it says of addresses.
    """
    known = scope.get(_ARRIVED)
    if known is not None:
        return cast("tuple[Sequence[tuple[bytes, bytes]], str]", known)
    return scope["headers"], _peer(scope)


def _peer(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


class Forwarded:
    """ASGI middleware that applies forwarding headers of trusted proxies and drops all others."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        self.app = app
        self.edge = edge
        self.behind = ProxyHeadersMiddleware(
            cast("ASGI3Application", app), trusted_hosts=list(edge.trusted_proxies)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with the client's address that can be trusted."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        peer = _peer(scope)
        scope = {**scope, _ARRIVED: (scope["headers"], peer)}
        if self.edge.is_trusted(peer):
            await cast(ASGIApp, self.behind)(scope, receive, send)
            return
        kept = [(name, value) for name, value in scope["headers"] if not _is_forwarding(name)]
        await self.app({**scope, "headers": kept}, receive, send)


def _is_forwarding(name: bytes) -> bool:
    return name.startswith(b"x-forwarded-") or name in _FORWARDING
