"""Measures what confinement costs: the same jobs and servers with every layer and with none."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from benchmarks.benchmark import Benchmark, Effort
from benchmarks.report import Row, Target, ratio
from compliance.sandbox import Sandbox
from infra.confinement.plan import Means
from infra.confinement.policy import agreed
from pipelines.steps.models import Recipe
from tests.support import credit
from tests.support.confined_server import served

JOBS = 30
STARTS = 6
REQUESTS = 2000
LATER_MS = 150.0
"""How much later than without confinement a model server may be ready."""
NONE: frozenset[Means] = frozenset()


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Score, start and ask, with all layers that this machine offers and with none."""
    del folder
    means = agreed()
    return [*_scoring(means, effort), *_serving(means, effort)]


def _scoring(means: frozenset[Means], effort: Effort) -> list[Row]:
    data = credit.dataset()
    model = credit.saved(Recipe.BASELINE)
    frame = data.holdout[list(data.features)].astype(float)
    with Sandbox(means=means) as confined, Sandbox(means=NONE) as free:
        taken: dict[Sandbox, list[float]] = {confined: [], free: []}
        for sandbox in taken:
            sandbox.start()
        for _ in range(effort.count(JOBS)):
            for sandbox, samples in taken.items():
                began = time.monotonic()
                sandbox.scan(model)
                sandbox.predict(model, [frame, frame])
                samples.append((time.monotonic() - began) * 1000)
    what = f"scan and score {len(frame):,} rows twice"
    return [
        Row(f"{what}, confined", "ms", tuple(taken[confined])),
        Row(f"{what}, with no layer", "ms", tuple(taken[free])),
        ratio(what, taken[confined], taken[free]),
    ]


def _serving(means: frozenset[Means], effort: Effort) -> list[Row]:
    data = credit.dataset()
    model = credit.saved(Recipe.BASELINE)
    row = data.holdout[list(data.features)].head(1).astype(float)
    body = {"data": {"names": list(row.columns), "ndarray": row.to_numpy().tolist()}}
    starts: dict[str, list[float]] = {"confined": [], "with no layer": []}
    answers: dict[str, list[float]] = {"confined": [], "with no layer": []}
    for _ in range(effort.count(STARTS)):
        for name, layers in (("confined", means), ("with no layer", NONE)):
            began = time.monotonic()
            with served(model, layers) as server:
                starts[name].append((time.monotonic() - began) * 1000)
                answers[name] += _ask(server.http, body, effort.count(REQUESTS) // STARTS)
    later = statistics.median(starts["confined"]) - statistics.median(starts["with no layer"])
    count = len(starts["confined"])
    rows = [Row(f"a model server is ready, {name}", "ms", tuple(s)) for name, s in starts.items()]
    rows.append(
        Row("a model server is ready: later when confined, of the medians", "ms", (later,),
            Target(LATER_MS), of=count)
    )  # fmt: skip
    rows += [Row(f"one prediction, {name}", "ms", tuple(s)) for name, s in answers.items()]
    return [*rows, ratio("one prediction", answers["confined"], answers["with no layer"])]


def _ask(client: httpx.Client, body: object, count: int) -> list[float]:
    samples = []
    for _ in range(count):
        began = time.monotonic()
        client.post("/api/v1.0/predictions", json=body).raise_for_status()
        samples.append((time.monotonic() - began) * 1000)
    return samples


BENCHMARK = Benchmark(
    "confinement", "scoring and serving with every layer of confinement, and with none", run
)
