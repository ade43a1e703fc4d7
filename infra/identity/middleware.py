"""Finds out who sends each request, once, before anything else reads it."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.errors import PlatformError, UnauthenticatedError, UnavailableError
from infra.identity.asked import Asked
from infra.identity.current import Caller, acting
from infra.identity.principal import Principal
from infra.identity.sources import Sources
from infra.web.forwarded import arrived
from infra.web.http import error_body, status_of

UNPROTECTED = ("/health", "/version", "/favicon.ico", "/acgs/ready")
"""Say that a server is there, and nothing about what is in it."""
UNPROTECTED_BELOW = ("/static-files/",)
UNPROTECTED_ROUTES = re.compile(r"/(?:ajax-)?api/\d\.\d/mlflow/server-info")
"""MLflow's clients ask before they log in."""
_MLFLOW_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 503: "TEMPORARILY_UNAVAILABLE"}
_READS = frozenset({"GET", "HEAD"})

_logger = logging.getLogger(__name__)


def is_unprotected(method: str, path: str) -> bool:
    """Return whether a request is answered without a credential."""
    return method in _READS and (
        path in UNPROTECTED
        or path.startswith(UNPROTECTED_BELOW)
        or UNPROTECTED_ROUTES.fullmatch(path) is not None
    )


class Identified:
    """ASGI middleware that lets nobody pass who is not known."""

    def __init__(self, app: ASGIApp, sources: Sources) -> None:
        self.app = app
        self.sources = sources
        self._hidden = sources.hidden_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller as the current one; answer 401 or 503 to others."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        if not self.sources.is_open and is_unprotected(scope["method"], str(scope["path"])):
            await self.app(scope, receive, send)
            return
        try:
            principal = await self._principal(scope)
        except PlatformError as err:
            where = _where(scope)
            _logger.warning("turned away %s %s from %s: %s", *_told(scope), where, err.code)
            await refusal(err, str(scope["path"]), self.sources)(scope, receive, send)
            return
        with acting(Caller(principal, _where(scope))):
            await self.app(self._without_secrets(scope), receive, send)

    def _without_secrets(self, scope: Scope) -> Scope:
        if not self._hidden:
            return scope
        kept = [item for item in scope["headers"] if item[0] not in self._hidden]
        return {**scope, "headers": kept}

    async def _principal(self, scope: Scope) -> Principal:
        asked = Asked(*arrived(scope))
        if self.sources.blocks(asked):
            return await run_in_threadpool(self.sources.authenticate, asked)
        return self.sources.authenticate(asked)


def _told(scope: Scope) -> tuple[str, str]:
    return scope["method"], str(scope["path"])[:200]


def _where(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def refusal(error: PlatformError, path: str, sources: Sources) -> JSONResponse:
    """Return the answer to a caller who is turned away, as MLflow's clients show it."""
    status = status_of(error)
    body: dict[str, Any] = error_body(error)
    if not path.startswith("/acgs/"):
        # MLflow's clients know its own codes alone, and show nothing but the message.
        body |= {
            "error_code": _MLFLOW_CODES.get(status, "INTERNAL_ERROR"),
            "message": f"[{error.code}] {error}",
            "acgs_code": error.code,
        }
    answer = JSONResponse(body, status_code=status)
    if isinstance(error, UnavailableError):
        answer.headers["Retry-After"] = "1"
    if isinstance(error, UnauthenticatedError) and status == HTTPStatus.UNAUTHORIZED:
        for challenge in sources.challenges:
            is_bearer = challenge.startswith("Bearer") and error.code != "auth.missing"
            more = f', error="invalid_token", error_description="{error.code}"' if is_bearer else ""
            answer.headers.append("WWW-Authenticate", challenge + more)
    # The rest of an upload is not read.
    answer.headers["Connection"] = "close"
    return answer
