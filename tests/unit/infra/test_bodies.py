from __future__ import annotations

import asyncio

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
