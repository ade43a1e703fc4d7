"""Real parts for the webhook tests: a database, a receiver that listens, a loop in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from infra import signing
from infra.clock import utc_now
from infra.secrets import Sealer
from infra.settings import Settings
from infra.stores.db import open_engine, reading, transaction
from registry.adapters import tables
from registry.audit.adapters.events import record
from registry.bootstrap import registry_on
from registry.domain.records import Act
from registry.webhooks.deliveries import DeliveryLoop, DeliveryPace
from registry.webhooks.rights import ReadRights
from registry.webhooks.service import Webhooks

PATIENCE_SECONDS = 60.0


def wait_until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {what}")
        time.sleep(0.01)


class Clock:
    """The real time plus what the test skipped."""

    def __init__(self) -> None:
        self._skipped = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def delivery_id(self) -> str:
        return self.headers[signing.DELIVERY_ID_HEADER]

    @property
    def event_id(self) -> str:
        return str(json.loads(self.body)["data"]["event_id"])


@dataclass
class Receiver:
    """An HTTP server on a free port; `answer` may block, and says status and headers."""

    answer: Callable[[Received], tuple[int, dict[str, str]]] = lambda _received: (200, {})
    got: list[Received] = field(default_factory=list)
    url: str = ""

    @property
    def event_ids(self) -> list[str]:
        return [each.event_id for each in list(self.got)]


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed in these tests leave broken connections behind."""


@contextmanager
def listening(receiver: Receiver, port: int = 0) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # The sender was killed between headers and body: nothing was received.
                self.close_connection = True
                return
            received = Received(self.path, dict(self.headers.items()), body)
            receiver.got.append(received)
            status, headers = receiver.answer(received)
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = _QuietServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Outbox:
    """A storage root with the platform's tables, and what tests do with it."""

    settings: Settings
    engine: Engine
    clock: Clock = field(default_factory=Clock)

    @property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.engine, Sealer(self.settings), self.clock)

    def subscribe(self, name: str, url: str, events: tuple[str, ...] = ("model.renamed",)) -> str:
        return self.webhooks.add(name, url, events, actor="ada")

    def publish(self, count: int = 1, type: str = "model.renamed") -> list[str]:
        """Record events, one transaction each; return their uids."""
        ids = []
        for _ in range(count):
            with transaction(self.engine) as connection:
                at_ms = int(self.clock().timestamp() * 1000)
                ids.append(record(connection, type, Act("ada", at_ms), name="credit"))
        with reading(self.engine) as connection:
            query = select(tables.event.c.uid).where(tables.event.c.id.in_(ids))
            return list(connection.execute(query.order_by(tables.event.c.id)).scalars())

    def rows(self) -> list[Any]:
        with reading(self.engine) as connection:
            query = select(tables.delivery).order_by(tables.delivery.c.event_id)
            return list(connection.execute(query).all())

    def count(self, state: str) -> int:
        with reading(self.engine) as connection:
            query = select(func.count()).where(tables.delivery.c.state == state)
            return int(connection.execute(query).scalar_one())

    def wait_for_attempts(self, attempts: int) -> None:
        """Wait until the first delivery was tried so often."""
        wait_until(lambda: self.rows()[0].attempts == attempts, f"attempt {attempts}")

    @contextmanager
    def delivering(
        self, pace: DeliveryPace | None = None, engine: Engine | None = None
    ) -> Iterator[None]:
        loop = DeliveryLoop(
            engine or self.engine,
            Sealer(self.settings),
            ReadRights(registry_on(self.engine, self.settings).access),
            self.clock,
            pace or DeliveryPace(),
        )
        stop = threading.Event()
        thread = threading.Thread(target=loop.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def open_outbox(root: Path, url: str = "") -> Iterator[Outbox]:
    settings = Settings(storage_root=root, database_url=url)
    engine = open_engine(settings.sqlalchemy_url, make=True)
    tables.metadata.create_all(engine)
    try:
        yield Outbox(settings, engine)
    finally:
        engine.dispose()
