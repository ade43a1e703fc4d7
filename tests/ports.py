"""Free ports, so that tests never meet a running platform or each other."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack

_FIRST, _EACH = 12_000, 5_000
"""Below the ports that the system gives to outgoing connections; a share for each worker."""


def free_port() -> int:
    """Return a port nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return that many different ports nobody listens on.

    Workers of one test run draw from shares of their own: a port is free between the moment it
    is found and the moment its server binds it.
    """
    with ExitStack() as stack:
        return [_bind(stack) for _ in range(count)]


def _bind(stack: ExitStack) -> int:
    for _ in range(200):
        item = stack.enter_context(socket.socket())
        try:
            item.bind(("127.0.0.1", _drawn()))
        except OSError:
            continue
        return int(item.getsockname()[1])
    raise OSError("expected a free port on 127.0.0.1, found none in 200 tries")


def _drawn() -> int:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    return _RANDOM.randrange(_FIRST + worker * _EACH, _FIRST + (worker + 1) * _EACH)


_RANDOM = random.Random()
"""Its own: a test that seeds the shared one must not get the ports of the run before."""
