"""Ports from the operating system, so that tests never meet a running platform."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def free_port() -> int:
    """Return a port nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return that many different ports nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [int(item.getsockname()[1]) for item in sockets]
