from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from starlette.types import Message, Receive, Scope, Send

from infra.web.bodies import WIDE_VALUES, BodyLimit

WIDE = b"[" + b"0," * WIDE_VALUES + b"0]"


class App:
    """Takes a moment, and knows how many requests it had at once."""

    def __init__(self) -> None:
        self.now = self.most = self.answered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await receive()
        await asyncio.sleep(0.01)
        self.now -= 1
        if scope["path"] == "/fails":
            raise RuntimeError("it fails")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        self.answered += 1


async def ask(limit: BodyLimit, body: bytes, path: str = "/", *, reads: bool = True) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and not reads:
            await asyncio.sleep(10)

    headers = [(b"content-length", str(len(body)).encode())]
    await limit({"type": "http", "path": path, "headers": headers}, receive, send)


def test_bodies_of_many_values_reach_the_app_one_at_a_time() -> None:
    async def run(body: bytes) -> int:
        limit = BodyLimit(app := App(), 1 << 20)
        await asyncio.gather(*(ask(limit, body) for _ in range(5)))
        assert app.answered == 5
        return app.most

    assert asyncio.run(run(WIDE)) == 1
    assert asyncio.run(run(b"[0]")) == 5


def test_a_failure_or_a_slow_reader_ends_a_turn_too() -> None:
    async def run() -> None:
        limit = BodyLimit(app := App(), 1 << 20)
        slow = asyncio.create_task(ask(limit, WIDE, reads=False))
        failing = asyncio.create_task(ask(limit, WIDE, "/fails"))
        async with asyncio.timeout(5):
            await asyncio.wait([failing])
            assert isinstance(failing.exception(), RuntimeError)
            await ask(limit, WIDE)
        assert app.answered == 1
        slow.cancel()

    asyncio.run(run())


MIB = 1 << 20
BOMB = b"\0" * (4 * MIB)
GZIP = gzip.compress(b"{}")
_NO_SUCH_FLAG = bytes([GZIP[3] | 0x80])
"""zlib takes no header with it; Python's gzip does, so that MLflow unpacks what follows."""


def deflated(body: bytes, window: int = -zlib.MAX_WBITS) -> bytes:
    packer = zlib.compressobj(wbits=window)
    return packer.compress(body) + packer.flush()


ENCODED: dict[str, tuple[bytes, list[bytes], int]] = {
    "gzip": (GZIP, [b"gzip"], 200),
    "gzip in capitals": (GZIP, [b"GZIP"], 200),
    "two members": (GZIP + GZIP, [b"gzip"], 200),
    "deflate": (zlib.compress(b"{}"), [b"deflate"], 200),
    "deflate without a header": (deflated(b"{}"), [b"deflate"], 200),
    "as it is": (b"{}", [b"identity"], 200),
    "a bomb": (gzip.compress(BOMB), [b"gzip"], 413),
    "a bomb as the second member": (GZIP + gzip.compress(BOMB), [b"gzip"], 413),
    "a bomb, deflated": (zlib.compress(BOMB), [b"deflate"], 413),
    "a bomb, deflated without a header": (deflated(BOMB), [b"deflate"], 413),
    "a bomb in a bomb": (gzip.compress(gzip.compress(BOMB)), [b"gzip, gzip"], 400),
    "a bomb behind zeros": (GZIP + b"\0" + gzip.compress(BOMB), [b"gzip"], 400),
    "a bomb behind a flag": (GZIP[:3] + _NO_SUCH_FLAG + gzip.compress(BOMB)[4:], [b"gzip"], 400),
    "a bomb with two encodings": (gzip.compress(BOMB), [b"gzip", b"identity"], 400),
    "many values": (gzip.compress(b"[" + b"0," * 200_000 + b"0]"), [b"gzip"], 400),
    "half a body": (GZIP[:-9], [b"gzip"], 400),
    "no gzip": (b"{}", [b"gzip"], 400),
    "gzip that says it is deflate": (GZIP, [b"deflate"], 400),
    "an encoding nobody reads": (b"{}", [b"zstd"], 400),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_packed_body_is_what_every_reader_takes_it_for(name: str) -> None:
    body, encodings, expected = ENCODED[name]
    found: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    headers = [(b"content-length", str(len(body)).encode())]
    headers += [(b"content-encoding", encoding) for encoding in encodings]
    scope = {"type": "http", "path": "/", "headers": headers}
    asyncio.run(BodyLimit(App(), MIB)(scope, receive, send))
    assert found == [expected]
