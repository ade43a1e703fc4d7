"""Asks the platform's own servers without loading an HTTP library: for probes and commands.

A probe runs in the supervisor, which lives for weeks, and a command should answer at once; httpx
with its TLS costs each of them a tenth of a second and 15 MB.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is a success."""
        return self.status == http.client.OK

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: the body is not JSON.
        """
        return json.loads(self.body)


class NoAnswerError(OSError):
    """No server answered in time."""


def get(url: str, *, timeout_seconds: float, authorization: str | None = None) -> Answer:
    """Get an http:// URL, without proxies, redirects or kept connections.

    Args:
        url: of one of the platform's own servers.
        timeout_seconds: for each step of the exchange.
        authorization: value of the header of this name.

    Raises:
        NoAnswerError: no server answered in time, or the answer was not HTTP.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=timeout_seconds
    )
    path = parts.path or "/"
    try:
        headers = {"Authorization": authorization} if authorization else {}
        path = f"{path}?{parts.query}" if parts.query else path
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as err:
        raise NoAnswerError(f"{type(err).__name__}: {err}") from err
    finally:
        connection.close()
