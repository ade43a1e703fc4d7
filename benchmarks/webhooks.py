"""Measures how long events take to subscribers while another one is slow.

The loop is the one of the role `manager`, in a thread beside receivers that listen.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Target, percentile
from infra.clock import to_millis, utc_now
from infra.secrets import Sealer
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import open_engine, transaction
from registry.audit.adapters import events
from registry.bootstrap import registry_on
from registry.domain.records import Act
from registry.webhooks.deliveries import DeliveryLoop
from registry.webhooks.rights import ReadRights
from registry.webhooks.service import Webhooks

QUICK_RECEIVERS = 3
SLOW_SECONDS = 1.0
SECONDS = 30.0
PER_SECOND = 10.0
P99_SECONDS = 1.0
TYPE = "model.renamed"
PATIENCE_SECONDS = 30.0


@dataclass
class Receiver:
    """An HTTP server that notes when each event arrived."""

    takes_seconds: float = 0.0
    arrived: dict[str, float] = field(default_factory=dict)
    url: str = ""


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Publish at a steady rate to three quick receivers and a slow one."""
    settings = Settings(storage_root=folder)
    engine = open_engine(settings.sqlalchemy_url, make=True)
    migrations.upgrade(settings)
    quick = [Receiver() for _ in range(QUICK_RECEIVERS)]
    slow = Receiver(SLOW_SECONDS)
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        webhooks = Webhooks(engine, Sealer(settings))
        for number, receiver in enumerate([*quick, slow]):
            stack.enter_context(_listening(receiver))
            webhooks.add(f"receiver-{number}", receiver.url, [TYPE], actor="benchmark")
        stack.enter_context(_delivering(engine, settings))
        sent = _publish(engine, effort.seconds(SECONDS))
        _wait_for(quick, len(sent))
        waiting = len(webhooks.deliveries("pending", f"receiver-{QUICK_RECEIVERS}", 1_000_000))
        done = webhooks.deliveries(None, f"receiver-{QUICK_RECEIVERS}", 1_000_000)
    require(len(done) == len(sent), f"{len(sent)} deliveries for the slow receiver", len(done))
    require(waiting > 0, "a slow receiver that falls behind", "one that keeps up")
    took = tuple(one.arrived[uid] - at for one in quick for uid, at in sent.items())
    where = (
        f"{PER_SECOND:g} events/s, one of {QUICK_RECEIVERS + 1} receivers takes {SLOW_SECONDS:g} s"
    )
    p99 = percentile(took, 0.99)
    return [
        Row(f"from event to the others: {where}", "s", took),
        Row("the same, 99th percentile", "s", (p99,), Target(P99_SECONDS), of=len(took)),
        Row("deliveries that wait for the slow one", "", (float(waiting),), of=len(sent)),
    ]


def _publish(engine: Engine, seconds: float) -> dict[str, float]:
    """Record events at the rate; return when each was committed, by its uid."""
    sent: dict[str, float] = {}
    began = time.monotonic()
    for number in range(int(seconds * PER_SECOND)):
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        with transaction(engine) as connection:
            act = Act("benchmark", to_millis(utc_now()))
            event_id = events.record(connection, TYPE, act, name="credit")
            [found] = events.trail(connection, after_id=event_id - 1, limit=1)
        sent[found.uid] = time.monotonic()
    return sent


def _wait_for(receivers: Sequence[Receiver], count: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while any(len(one.arrived) < count for one in receivers):
        found = [len(one.arrived) for one in receivers]
        require(time.monotonic() < end, f"{count} events at each receiver", found)
        time.sleep(0.05)


@contextmanager
def _delivering(engine: Engine, settings: Settings) -> Iterator[None]:
    rights = ReadRights(registry_on(engine, settings).access)
    loop = DeliveryLoop(engine, Sealer(settings), rights)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _listening(receiver: Receiver) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.arrived.setdefault(body["data"]["event_id"], time.monotonic())
            time.sleep(receiver.takes_seconds)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


BENCHMARK = Benchmark("webhooks", "what a slow subscriber costs the others", run)
