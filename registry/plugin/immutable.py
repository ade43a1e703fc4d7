"""Protects the files of registered versions: answers 403 to writes and deletions.

An ASGI middleware, since MLflow has two servers in one (native routes for uploads, Flask for the
rest) and only what wraps both sees every call. A call that cannot be checked is refused.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.errors import PlatformError, RefusedError
from infra.stores.db import reading
from infra.web.bodies import read_body
from infra.web.errors import BodyTooLargeError
from registry.bootstrap import Registry
from registry.files.domain.storage_place import shown
from registry.plugin.artifact_targets import HttpCall, concerns, needs_body, targets, writes
from registry.plugin.mlflow_errors import to_mlflow

_BODY_LIMIT_BYTES = 4 << 20
"""More than the 10,000 parts of the longest multipart upload take."""

_logger = logging.getLogger(__name__)


class ImmutableArtifactError(RefusedError):
    """Somebody wants to write or delete files of a registered version."""

    code = "registry.artifact_immutable"


class ImmutableArtifacts:
    """ASGI middleware around MLflow's app."""

    def __init__(self, app: ASGIApp, registry: Registry) -> None:
        self.app = app
        self.registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through except calls that would change a registered version's files."""
        if scope["type"] != "http" or not concerns(scope["method"], str(scope["path"])):
            await self.app(scope, receive, send)
            return
        path, body = str(scope["path"]), b""
        try:
            if needs_body(path):
                body = await read_body(receive, _BODY_LIMIT_BYTES) or b""
                receive = _replay(body, receive)
            call = HttpCall(scope["method"], path, scope.get("query_string", b""), body)
            await run_in_threadpool(self._check, call)
        except PlatformError as err:
            await _refuse(send, err)
            return
        await self.app(scope, receive, send)

    def _check(self, call: HttpCall) -> None:
        with reading(self.registry.engine) as connection:
            places = targets(connection, call)
        found = self.registry.custody.protecting(places) if places else None
        if found is not None:
            _logger.warning("refused %s %s: it belongs to %s", call.method, call.path, found)
            raise ImmutableArtifactError(
                f"{found.name} {found.semver} (version {found.version}) is registered, and its "
                f"files do not change: expected another place than {shown(found.place)}",
                hint="log the model again and register it as a new version; to remove files that "
                "nobody needs, delete their version first",
            )
        if writes(call.path):
            self.registry.custody.require_writable(places)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, error: PlatformError) -> None:
    answer = to_mlflow(error)
    body = answer.serialize_as_json().encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # The rest of an upload is not read.
        (b"connection", b"close"),
    ]
    too_large = isinstance(error, BodyTooLargeError)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else answer.get_http_status_code()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
