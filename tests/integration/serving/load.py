"""A fast HTTP client over kept-alive connections, that remembers every answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Answers:
    """What came back: (started, finished, status, predictor header), times monotonic."""

    rows: list[tuple[float, float, int, str]] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(row[2] for row in self.rows)

    @property
    def predictors(self) -> Counter[str]:
        return Counter(row[3] for row in self.rows)

    @property
    def failed(self) -> int:
        return sum(1 for row in self.rows if row[2] != 200)


class Load:
    """Requests in the background, until it is stopped or `requests` have been answered."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        connections: int = 16,
        requests: int | None = None,
        body: bytes = b"{}",
        headers: str = "",
        pause_seconds: float = 0.0,
    ) -> None:
        self._port = port
        self._request = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"{headers}content-length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._connections = connections
        self._left = requests if requests is not None else 1 << 60
        self._pause = pause_seconds
        self.answers = Answers()

    def stop(self) -> None:
        self._left = 0

    async def run(self) -> Answers:
        await asyncio.gather(*(self._one() for _ in range(self._connections)))
        return self.answers

    async def _one(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while self._left > 0:
                self._left -= 1
                started = time.monotonic()
                try:
                    status, predictor, closing = await self._ask(reader, writer)
                except (asyncio.IncompleteReadError, ConnectionError):
                    status, predictor, closing = 0, "", True
                self.answers.rows.append((started, time.monotonic(), status, predictor))
                if closing:
                    writer.close()
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                if self._pause:
                    await asyncio.sleep(self._pause)
        finally:
            writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[int, str, bool]:
        """Return status, predictor, and whether the connection will be closed."""
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length, predictor, closing = 0, "", False
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
            elif name == b"x-acgs-predictor":
                predictor = value.strip().decode()
            elif name == b"connection":
                closing = value.strip().lower() == b"close"
        await reader.readexactly(length)
        return int(head[9:12]), predictor, closing
