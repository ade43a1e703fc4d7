"""Measures how soon a traffic weight is in force, while another process sends requests."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Target
from infra.settings import Settings
from serving.domain.routing import Backend, DeploymentRoute
from serving.gateway.envoy import EnvoyGateway
from serving.settings import ServingSettings
from tests.integration.serving.kit import NAME, PATH, Backends, gateway, make_settings, wait_until
from tests.integration.serving.load import Load

CHANGES = 30
BETWEEN_SECONDS = 0.15
TARGET = Target(50.0)
_CLUSTERS = [f"acgs/{NAME}/uid-a", f"acgs/{NAME}/uid-b"]

Asked = tuple[float, float, int, str]
"""Of one request: started, finished (monotonic seconds), status, who answered."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How the gateway is asked: connections, and the pause after each answer on each of them."""

    name: str
    connections: int
    pause_seconds: float


RATES = (Rate("idle (1 connection)", 1, 0.001), Rate("under load (16 connections)", 16, 0.01))


@dataclass(frozen=True, slots=True)
class Change:
    """One call that moved all traffic, and when the next one began."""

    called: float
    returned: float
    over: float
    before: str
    after: str


@dataclass(slots=True)
class Asking:
    """The requests of the other process; filled when that process ends."""

    rows: list[Asked] = field(default_factory=list)


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Move all traffic from one server to the other and back."""
    settings = make_settings(folder)
    backends = Backends(folder)
    envoy = EnvoyGateway(settings)
    try:
        (_, a), (_, b) = backends.start("a"), backends.start("b")
        with gateway(settings):
            rows: list[Row] = []
            for rate in RATES:
                rows += _measure(settings, envoy, (a, b), rate, effort.count(CHANGES))
            return rows
    finally:
        backends.close()


def _measure(
    settings: Settings, envoy: EnvoyGateway, ports: tuple[int, int], rate: Rate, changes: int
) -> list[Row]:
    envoy.apply(_split(ports, 0))
    with _asked(settings, envoy, rate) as asking:
        made = _change(envoy, ports, changes)
    lags_ms = [1000 * _lag_seconds(change, asking.rows) for change in made]
    calls_ms = [1000 * (change.returned - change.called) for change in made]
    failed = sum(1 for row in asking.rows if row[2] != 200)
    return [
        Row(f"weight visible after the call, {rate.name}", "ms", tuple(lags_ms), TARGET),
        Row(f"the call with its read-back, {rate.name}", "ms", tuple(calls_ms)),
        Row(
            f"failed requests while weights changed, {rate.name}",
            "requests",
            (failed,),
            Target(0),
            of=len(asking.rows),
        ),
    ]


def _change(envoy: EnvoyGateway, ports: tuple[int, int], changes: int) -> list[Change]:
    made = []
    for number in range(changes):
        weight, before, after = (0, "canary", "default") if number % 2 else (
            100, "default", "canary",
        )  # fmt: skip
        called = time.monotonic()
        envoy.apply(_split(ports, weight))
        returned = time.monotonic()
        time.sleep(BETWEEN_SECONDS)
        made.append(Change(called, returned, time.monotonic(), before, after))
    return made


def _lag_seconds(change: Change, rows: Sequence[Asked]) -> float:
    """Return from the call to the start of the last request that saw the old weight."""
    # One that was under way when the next call came may have been routed by that one.
    window = [row for row in rows if change.called <= row[0] and row[1] < change.over]
    require(any(row[3] == change.after for row in window), "requests that see the change", "none")
    late = [row[0] for row in window if row[3] == change.before]
    return max(late, default=change.called) - change.called


@contextlib.contextmanager
def _asked(settings: Settings, envoy: EnvoyGateway, rate: Rate) -> Iterator[Asking]:
    """Ask from a process of its own, so that measuring and asking do not share an interpreter."""
    asking = Asking()
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_ask, args=(far, settings.of(ServingSettings).gateway_port, rate), daemon=True
    )
    before = _answered(envoy)
    process.start()
    far.close()
    try:
        wait_until(lambda: _answered(envoy) > before + 20, "requests are answered", 60)
        yield asking
        near.send("enough")
        asking.rows = near.recv()
    finally:
        near.close()
        process.join(10)
        if process.is_alive():
            process.kill()


def _answered(envoy: EnvoyGateway) -> int:
    return sum(counters.requests for counters in envoy.counters(_CLUSTERS).values())


def _ask(pipe: Connection, port: int, rate: Rate) -> None:
    load = Load(port, PATH, connections=rate.connections, pause_seconds=rate.pause_seconds)

    def wait() -> None:
        # The closed pipe ends this process too: nobody reads its result.
        with contextlib.suppress(EOFError, OSError):
            pipe.recv()
        load.stop()

    threading.Thread(target=wait, daemon=True).start()
    answers = asyncio.run(load.run())
    with contextlib.suppress(OSError):
        pipe.send(answers.rows)


def _split(ports: tuple[int, int], weight: int) -> list[DeploymentRoute]:
    stable = Backend("uid-a", "default", "1.0.0", (("127.0.0.1", ports[0]),))
    canary = Backend("uid-b", "canary", "1.1.0", (("127.0.0.1", ports[1]),))
    return [DeploymentRoute("acgs", NAME, (stable, canary), (100 - weight, weight))]


BENCHMARK = Benchmark("weight", "a changed traffic weight, until no request sees the old", run)
