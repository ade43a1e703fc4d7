"""Sends one signed webhook over HTTP, and returns the answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType

import httpx

from registry.webhooks.domain.target import Target, parse_target, require_loopback

DEADLINE_SECONDS = 10.0
_DRAIN_BYTES = 64 * 1024
_DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """The receiver's answer, or why there was none (`status` is None)."""

    status: int | None
    retry_after: str | None = None
    error: str | None = None


class Sender:
    """An HTTP client that follows no redirect, uses no proxy and keeps no cookie."""

    def __init__(self, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline_seconds = deadline_seconds
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=httpx.create_ssl_context(),
            timeout=deadline_seconds,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=32),
            # Cookies ignore ports: one local receiver's would reach another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> WebhookReply:
        """POST `body`; the deadline covers name look-up, connect and answer together.

        Raises:
            WebhookUrlError: plain http, and the name does not mean this machine (any more).
        """
        target = parse_target(url)
        try:
            # A total deadline: httpx's own timeouts restart with every byte received.
            async with asyncio.timeout(self._deadline_seconds):
                return await self._try_addresses(target, headers, body)
        except TimeoutError:
            return WebhookReply(None, error=f"no answer within {self._deadline_seconds:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as err:
            return WebhookReply(None, error=f"{type(err).__name__}: {err}"[:500])

    async def _try_addresses(
        self, target: Target, headers: Mapping[str, str], body: bytes
    ) -> WebhookReply:
        if target.scheme == "https":
            return await self._send(httpx.URL(target.url), headers, body)
        found = await asyncio.get_running_loop().getaddrinfo(
            target.host, target.port, type=socket.SOCK_STREAM
        )
        *others, last = require_loopback(target, [str(entry[4][0]) for entry in found])
        pinned = {**headers, "Host": target.authority}
        # The checked address is the one connected to: a second look-up could answer another.
        for address in others:
            with suppress(httpx.ConnectError):
                return await self._send(httpx.URL(target.url).copy_with(host=address), pinned, body)
        return await self._send(httpx.URL(target.url).copy_with(host=last), pinned, body)

    async def _send(self, url: httpx.URL, headers: Mapping[str, str], body: bytes) -> WebhookReply:
        request = self._client.stream("POST", url, headers=dict(headers), content=body)
        async with request as response:
            reply = WebhookReply(response.status_code, response.headers.get("Retry-After"))
            # Only a connection whose answer was read to its end can be used again.
            with suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(_DRAIN_SECONDS):
                    await _drain(response)
        return reply


async def _drain(response: httpx.Response) -> None:
    left = _DRAIN_BYTES
    async for chunk in response.aiter_raw():
        left -= len(chunk)
        if left < 0:
            return
