"""Reads a request's body up to a limit before the app sees the request; refuses what exceeds it.

A declared length is compared before a byte is read, a body without one while it comes in, and a
compressed body with the size it unpacks to; JSON by its number of values as well. So a client
cannot decide how much memory a server needs. What two readers could
read differently is refused: a type or an encoding that is given twice, and a packed body that
does not unpack to its last byte.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.errors import PlatformError, UsageError
from infra.web.errors import (
    BodyEncodingError,
    BodyTooLargeError,
    HeaderRepeatedError,
    ServerFullError,
)
from infra.web.http import error_response
from infra.web.json_shape import check_shape

BODIES_AT_ONCE = 16
"""How many bodies of full size a server holds at the same time before it answers 503."""
LARGE_BYTES = 1 << 18
"""Bodies beyond are looked at in a thread, so that other requests go on."""
WIDE_VALUES = 20_000
"""Twice MLflow's largest batch of metrics: the app gets one JSON body of more at a time."""
_PIECE_BYTES = 1 << 20

_ONCE = (b"content-type", b"content-encoding")
_WINDOWS = {
    b"gzip": (zlib.MAX_WBITS | 16,),
    # As the standard has it, or without a header, as some clients send it.
    b"deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}

Exempt = Callable[[Scope], bool]
Shape = Callable[[bytes], int]
"""Returns how many values an unpacked body has; raises the `UsageError` it is refused with."""


def no_shape(_body: bytes) -> int:
    """Return 0: nothing parses the body."""
    return 0


async def read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """Return a request's body, or None if the client leaves before its end.

    Raises:
        BodyTooLargeError: there is more.
    """
    chunks: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            raise too_large(limit_bytes, "more")
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def too_large(limit_bytes: int, found: str) -> BodyTooLargeError:
    """Return the error that names a limit."""
    return BodyTooLargeError(
        f"expected a body of at most {limit_bytes} bytes, found {found}",
        hint="send it in smaller parts; docs/reference/settings.md names the limits",
    )


class BodyLimit:
    """ASGI middleware that hands on requests with bodies it has measured.

    Args:
        app: to protect.
        limit_bytes: largest body.
        streamed: whether the app streams a request's body to a disk or a store, so that the limit
        does not apply.
        shape: returns how a request's body is measured. JSON by default, whatever the content type
        says: some of MLflow's handlers ignore it.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit_bytes: int,
        streamed: Exempt = lambda _: False,
        shape: Callable[[Scope], Shape] = lambda _: check_shape,
    ) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.streamed = streamed
        self.shape = shape
        self._held_bytes = 0
        self._measuring = asyncio.Lock()
        self._wide = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request whose body fits; answer 413, 400 or 503 to any other."""
        headers: dict[bytes, bytes] = dict(scope.get("headers", ()))
        if scope["type"] != "http" or not _has_body(headers) or self.streamed(scope):
            await self.app(scope, receive, send)
            return
        held: list[int] = []
        try:
            _refuse_repeated(scope)
            body = await self._read(headers, receive, held)
            if body is not None:
                values = await self._measure(scope, headers, body)
                app = self._one_by_one if values > WIDE_VALUES else self.app
                await app(scope, _replay(body, receive), send)
        except _Refusal as refusal:
            await _refuse(refusal.error)(scope, receive, send)
        finally:
            self._held_bytes -= sum(held)

    async def _read(
        self, headers: dict[bytes, bytes], receive: Receive, held: list[int]
    ) -> bytes | None:
        """Return the body, or None if the client left before its end."""
        declared = int(headers.get(b"content-length", b"0"))
        if declared > self.limit_bytes:
            raise _Refusal(too_large(self.limit_bytes, str(declared)))

        async def counted() -> Message:
            message = await receive()
            size_bytes = len(message.get("body", b""))
            if self._held_bytes + size_bytes > self.limit_bytes * BODIES_AT_ONCE:
                raise _Refusal(_full())
            self._held_bytes += size_bytes
            held.append(size_bytes)
            return message

        try:
            return await read_body(counted, self.limit_bytes)
        except BodyTooLargeError as err:
            raise _Refusal(err) from err

    async def _measure(self, scope: Scope, headers: dict[bytes, bytes], body: bytes) -> int:
        """Return how many values the body has."""
        shape = self.shape(scope)
        if len(body) <= LARGE_BYTES:
            return self._check(headers, body, shape)
        async with self._measuring:  # it takes some copies of the body
            return await run_in_threadpool(self._check, headers, body, shape)

    def _check(self, headers: dict[bytes, bytes], body: bytes, shape: Shape) -> int:
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        try:
            if encoding not in {b"", b"identity"}:
                body = _unpacked(body, encoding, self.limit_bytes)
            return shape(body)
        except UsageError as err:
            raise _Refusal(err) from err

    async def _one_by_one(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on once the app has begun to answer the previous one."""
        await self._wide.acquire()
        has_turn = True

        def end_turn() -> None:
            nonlocal has_turn
            if has_turn:
                has_turn = False
                self._wide.release()

        async def answer(message: Message) -> None:
            end_turn()
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            end_turn()


class _Refusal(Exception):  # noqa: N818
    """Carries a refusal past the app's own error handlers."""

    def __init__(self, error: PlatformError) -> None:
        super().__init__(error.message)
        self.error = error


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _full() -> PlatformError:
    return ServerFullError(
        "expected memory for one more request body, found that the bodies of other requests "
        "take all of it",
        hint="try again in a moment",
    )


def _refuse(error: PlatformError) -> Response:
    response = error_response(error)
    # The rest of the body is not read.
    response.headers["connection"] = "close"
    return response


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _refuse_repeated(scope: Scope) -> None:
    names = [name for name, _ in scope["headers"]]
    for name in _ONCE:
        if names.count(name) > 1:
            found = f"expected one header {name.decode()}, found {names.count(name)}"
            raise _Refusal(HeaderRepeatedError(found, hint="send it once"))


def _unpacked(body: bytes, encoding: bytes, limit_bytes: int) -> bytes:
    """Unpack a body.

    Raises:
        BodyTooLargeError: it unpacks to more than the limit; no more than that is unpacked.
        BodyEncodingError: it does not unpack to its end, or is packed in another way.
    """
    for window in _WINDOWS.get(encoding, ()):
        found, left = bytearray(), body
        try:
            while left:  # gzip members may follow one another
                member = zlib.decompressobj(window)
                while not member.eof:
                    piece = member.decompress(left, _PIECE_BYTES)
                    left = member.unconsumed_tail
                    if not piece and not left and not member.eof:
                        raise zlib.error("incomplete")
                    found += piece
                    if len(found) > limit_bytes:
                        raise too_large(limit_bytes, "more once it is unpacked")
                left = member.unused_data
        except zlib.error:
            continue
        return bytes(found)
    raise BodyEncodingError(
        "expected a body packed with gzip or deflate as its content-encoding says, found "
        f"{encoding[:40].decode('latin-1')!r} and a body that does not unpack so",
        hint="send it as it is, without a content-encoding",
    )
