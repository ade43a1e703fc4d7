"""Serves an ASGI app from a role, with all errors in one shape."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.errors import (
    AlreadyRunningError,
    ConflictError,
    NotFoundError,
    PlatformError,
    PortInUseError,
    RefusedError,
    SettingsError,
    UnauthenticatedError,
    UnavailableError,
    UsageError,
)
from infra.web.edge import Edge
from infra.web.errors import BodyTooLargeError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

GRACEFUL_SECONDS = 3
BACKLOG = 512
SWEEP_TICKS = 5
"""Uvicorn's loop ticks ten times a second."""
FILES_PER_CONNECTION = 2
"""A connection, and the file or the connection to a store that answers it."""
OTHER_FILES = 256
"""Libraries, logs, the database and the like."""

STATUSES: dict[type[PlatformError], int] = {
    UnauthenticatedError: 401,
    RefusedError: 403,
    BodyTooLargeError: 413,
    UsageError: 400,
    SettingsError: 400,
    NotFoundError: 404,
    ConflictError: 409,
    AlreadyRunningError: 409,
    UnavailableError: 503,
}
"""Status of an error, by the nearest class it derives from; 500 where none is named."""


def status_of(error: PlatformError) -> int:
    """Return the HTTP status of an error."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return 500


def error_body(error: PlatformError) -> dict[str, str | None]:
    """Return an error as a JSON value."""
    return {"error_code": error.code, "message": error.message, "hint": error.hint}


def error_response(error: PlatformError) -> JSONResponse:
    """Return the answer for an error; says to try again if that may help."""
    headers = {"Retry-After": "1"} if isinstance(error, UnavailableError) else None
    return JSONResponse(error_body(error), status_code=status_of(error), headers=headers)


async def _on_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, PlatformError):
        raise error
    return error_response(error)


def exception_handlers() -> dict[Any, Callable[..., Any]]:
    """Return handlers for `Starlette(exception_handlers=...)` or FastAPI."""
    return {PlatformError: _on_error}


def serve(
    app: ASGIApp, host: str, port: int, stop: threading.Event, edge: Edge | None = None
) -> None:
    """Serve an app in the calling thread until the event is set.

    Requests in flight get `GRACEFUL_SECONDS` to finish. Signals are left alone: the role's
    runner turns them into the event.

    Args:
        app: to serve; wrapped in `infra.web.protection` already.
        host: address to bind.
        port: port to bind.
        stop: ends the server.
        edge: how slow and how many clients may be.

    Raises:
        PortInUseError: another process listens on the port.
        UnavailableError: the address cannot be bound, or the app failed to start.
    """
    with _listen(host, port) as listener:
        server = _server(app, host, port, edge or Edge())
        finished = threading.Event()
        watcher = threading.Thread(
            target=_watch, args=(stop, finished, server), name="http-stop", daemon=True
        )
        watcher.start()
        try:
            server.run(sockets=[listener])
        except SystemExit as err:  # uvicorn's way to say that the app's start-up failed
            raise UnavailableError(
                f"the app for http://{host}:{port} did not start: expected its start-up to "
                "finish, found that it failed",
                hint="the log above this line says why",
            ) from err
        finally:
            finished.set()
            watcher.join()


def _server(app: ASGIApp, host: str, port: int, edge: Edge) -> uvicorn.Server:
    import uvicorn

    from infra.web.guard import GuardedProtocol
    from infra.web.roster import Roster

    limits = edge.clients
    room = _allow_files(limits.connections * FILES_PER_CONNECTION) // FILES_PER_CONNECTION
    roster = Roster(replace(limits, connections=min(limits.connections, room)), edge.is_trusted)

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Generator[None]:
            yield

        async def on_tick(self, counter: int) -> bool:
            if counter % SWEEP_TICKS == 0:
                roster.sweep(asyncio.get_running_loop().time())
            return await super().on_tick(counter)

    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=cast("type[asyncio.Protocol]", partial(GuardedProtocol, roster)),
            ws="none",
            # `infra.web.forwarded` does it, for configured proxies alone.
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )


def _allow_files(count: int) -> int:
    """Raise this process's limit of open files where need be; return how many there may be.

    Without room for them the server would accept nobody, not even to close an idle connection.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return count if soft == resource.RLIM_INFINITY else max(min(count, soft - OTHER_FILES), 1)


def _watch(stop: threading.Event, finished: threading.Event, server: uvicorn.Server) -> None:
    while not finished.is_set():
        if stop.wait(0.2):
            server.should_exit = True
            return


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named on purpose: asyncio sets TCP_NODELAY only on sockets that know they are TCP, and
    # without it a small answer waits 40 ms for the client's delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as err:
        listener.close()
        if err.errno == errno.EADDRINUSE:
            raise PortInUseError(
                f"port {port} on {host}: expected a free port, found that another process "
                "listens on it",
                hint="end that process, or choose another port",
            ) from err
        raise UnavailableError(
            f"cannot listen on {host}:{port}: {err.strerror}",
            hint="check ACGS_HOST and the port",
        ) from err
    return listener
