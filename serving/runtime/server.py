"""Runs the server on one socket: bind, load, warm up, announce, serve, drain."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from serving.runtime.asgi import Receive, Scope, Send
from serving.runtime.framing import StrictProtocol
from serving.runtime.options import Options

DRAIN_SECONDS = 4
"""How long requests in flight may take after SIGTERM before they are cut off."""
IDLE_SECONDS = 2 * 3600
"""Longer than a proxy keeps an idle connection (Envoy: one hour): if the server hung up first,
a request sent at that moment would be lost."""


def bind(options: Options) -> socket.socket:
    """Bind the port, or adopt the socket that was passed; does not listen on it yet.

    Raises:
        OSError: the port belongs to another process, or the address is not this machine's.
    """
    if options.socket_fd is not None:
        return socket.socket(fileno=options.socket_fd)
    host = options.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named on purpose: asyncio sets TCP_NODELAY only on sockets that know they are TCP, and
    # without it a small answer waits 40 ms for the client's delayed ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        bound.bind((host, options.port))
    except OSError:
        bound.close()
        raise
    return bound


class _Server(uvicorn.Server):
    """Announces when it listens."""

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None], early: list[int]
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._early = early

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._early:
            self.should_exit = True
        elif self.started:
            self._announce()


def serve(
    app: Callable[[Scope, Receive, Send], object], bound: socket.socket, options: Options
) -> None:
    """Serve until SIGTERM or SIGINT; then let requests in flight finish, within DRAIN_SECONDS."""
    config = uvicorn.Config(
        app,
        http=StrictProtocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=IDLE_SECONDS,
        backlog=2048,
    )
    port = int(bound.getsockname()[1])

    def announce() -> None:
        if options.ready_file is not None:
            write_ready_file(options.ready_file, port)
        if options.ready_fd is not None:
            os.write(options.ready_fd, b"ready\n")
            os.close(options.ready_fd)

    early: list[int] = []
    # uvicorn puts these handlers back and raises the signal again once it has drained: it must
    # not become the exit code. A signal that comes before uvicorn's own handlers is kept.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda number, _: early.append(number))
    _Server(config, announce, early).run(sockets=[bound])


def write_ready_file(path: Path, port: int) -> None:
    """Write the ready file so that a reader sees all of it or nothing."""
    ready = {"pid": os.getpid(), "port": port, "ready_at": datetime.now(UTC).isoformat()}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(ready))
    partial.replace(path)
