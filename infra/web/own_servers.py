"""Asks the platform's own servers without loading an HTTP library: for probes and commands.

A probe runs in the supervisor, which lives for weeks, and a command should answer at once; httpx
with its TLS costs each of them a tenth of a second and 15 MB.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
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


class NeverSentError(NoAnswerError):
    """No server took the connection, so it was not asked for anything."""


def get(url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
    """Get an http:// URL, without proxies, redirects or kept connections.

    Args:
        url: of one of the platform's own servers.
        timeout_seconds: for each step of the exchange.
        headers: to send besides.

    Raises:
        NoAnswerError: no server answered in time, or the answer was not HTTP.
    """
    return _ask("GET", url, None, timeout_seconds, headers or {})


def post(
    url: str, value: object, *, timeout_seconds: float, headers: Mapping[str, str] | None = None
) -> Answer:
    """Post a JSON value to an http:// URL, as `get` does.

    Raises:
        NeverSentError: no server took the connection.
        NoAnswerError: it may have been done: no answer came in time, or one that was not HTTP.
    """
    sent = {"Content-Type": "application/json", **(headers or {})}
    return _ask("POST", url, json.dumps(value), timeout_seconds, sent)


def _ask(
    method: str, url: str, body: str | None, timeout_seconds: float, headers: Mapping[str, str]
) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=timeout_seconds
    )
    path = parts.path or "/"
    try:
        connection.connect()
    except OSError as err:
        connection.close()
        raise NeverSentError(f"{type(err).__name__}: {err}") from err
    try:
        query = f"?{parts.query}" if parts.query else ""
        connection.request(method, path + query, body, dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    except (OSError, http.client.HTTPException) as err:
        raise NoAnswerError(f"{type(err).__name__}: {err}") from err
    finally:
        connection.close()
