"""HTTP clients for the platform's own servers, made once.

`httpx.get` makes one for each call, whose TLS context alone costs some 20 ms of processor time.
"""

from __future__ import annotations

from functools import cache

import httpx


def new_client(timeout_seconds: float = 5.0) -> httpx.Client:
    """Return a client without proxies or kept connections; threads may share it."""
    return httpx.Client(
        timeout=timeout_seconds,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=0),
    )


@cache
def client() -> httpx.Client:
    """Return this process's shared client, for probes that name no user."""
    return new_client()
