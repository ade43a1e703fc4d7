"""Measures predictions through the gateway, beside `mlflow models serve` with the same model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.endpoints import endpoint
from benchmarks.peers import plain_serving
from benchmarks.report import Row, ratio
from pipelines.steps.models import Recipe
from serving.domain.plan import RolloutPlan
from tests.support import credit
from tests.support.platform import started

NAME = "credit-serving"
CONNECTIONS = (1, 16)
SECONDS = 5.0
WARM_UP_SECONDS = 1.0
ROWS = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A server to ask, and its protocol for one row per request."""

    name: str
    url: str
    bodies: Sequence[bytes]


@dataclass(slots=True)
class Asked:
    """The results of one closed loop."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Ask one after the other, with as many connections as requests under way."""
    plan = RolloutPlan.parse({"strategy": "immediate"})
    with started(folder / "root") as platform, endpoint(platform, NAME, plan) as served:
        served.roll_out(Recipe.BASELINE)
        with plain_serving(credit.saved(Recipe.BASELINE), folder / "peer") as url:
            places = (
                Place("through the gateway", served.url, _seldon_bodies()),
                Place("mlflow models serve", url, _mlflow_bodies()),
            )
            rows: list[Row] = []
            for connections in CONNECTIONS:
                rows += _compare(places, connections, effort.seconds(SECONDS))
            return rows


def _compare(places: Sequence[Place], connections: int, seconds: float) -> list[Row]:
    rows, taken = [], []
    for place in places:
        asyncio.run(_ask(place, connections, WARM_UP_SECONDS))
        found = asyncio.run(_ask(place, connections, seconds))
        what = f"prediction, {connections} at a time, {place.name}"
        rate = len(found.latencies_ms) / found.seconds
        rows += [
            Row(what, "ms", tuple(found.latencies_ms)),
            Row(f"{what}: throughput", "requests/s", (rate,), of=len(found.latencies_ms)),
        ]
        taken.append(found.latencies_ms)
    return [*rows, ratio(f"prediction, {connections} at a time", *taken)]


async def _ask(place: Place, connections: int, seconds: float) -> Asked:
    asked = Asked()
    began = time.monotonic()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        headers={"content-type": "application/json"},
    ) as client:
        await asyncio.gather(
            *(
                _ask_in_turn(client, place, first, began + seconds, asked)
                for first in range(connections)
            )
        )
    asked.seconds = time.monotonic() - began
    return asked


async def _ask_in_turn(
    client: aiohttp.ClientSession, place: Place, first: int, until: float, asked: Asked
) -> None:
    number = first
    while (began := time.monotonic()) < until:
        async with client.post(place.url, data=place.bodies[number % len(place.bodies)]) as answer:
            text = await answer.text()
        asked.latencies_ms.append((time.monotonic() - began) * 1000)
        require(answer.ok, f"{place.name} to answer 2xx", f"{answer.status} {text[:200]}")
        number += 1


def _rows() -> tuple[list[str], list[list[float]]]:
    rows = credit.dataset()
    head = rows.holdout[list(rows.features)].head(ROWS).astype(float)
    return list(rows.features), head.to_numpy().tolist()


def _seldon_bodies() -> list[bytes]:
    names, rows = _rows()
    return [json.dumps({"data": {"names": names, "ndarray": [row]}}).encode() for row in rows]


def _mlflow_bodies() -> list[bytes]:
    columns, rows = _rows()
    return [
        json.dumps({"dataframe_split": {"columns": columns, "data": [row]}}).encode()
        for row in rows
    ]


BENCHMARK = Benchmark("serving", "prediction latency, beside `mlflow models serve`", run)
