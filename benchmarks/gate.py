"""Measures how long the gate takes: from the transition call to its answer."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.peers import plain_registry
from benchmarks.report import Row, Statistic, Target, compared
from registry.bootstrap import open_registry
from tests.support import credit
from tests.support.platform import Platform, started

NAME = "credit-gate"
WARM_UPS = 3
CALLS = 20
TARGET = Target(0.3, Statistic.P50)


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Request Production in turns: from the platform, from plain MLflow, ..."""
    calls = WARM_UPS + effort.count(CALLS)
    with started(folder / "root") as platform, plain_registry(folder / "peer") as peer:
        for site in (platform, peer):
            for _ in range(calls):
                credit.register(site, NAME)
        _require_own_verdicts(platform, calls)
        seconds = _turn_about([platform, peer], calls)
        _require_scored(platform, calls)
    ours, peers = (taken[WARM_UPS:] for taken in seconds)
    rows = len(credit.dataset().holdout)
    what = f"transition to Production, linear model, {rows:,} holdout rows, warm"
    measured, *more = compared(what, "s", ours, peers)
    return [Row(measured.what, measured.unit, measured.samples, TARGET), *more]


def _turn_about(sites: Sequence[Platform], calls: int) -> list[list[float]]:
    clients = [site.client() for site in sites]
    taken: list[list[float]] = [[] for _ in sites]
    for number in range(1, calls + 1):
        for client, seconds in zip(clients, taken, strict=True):
            began = time.monotonic()
            moved = _transition(client, number)
            seconds.append(time.monotonic() - began)
            require(moved.current_stage == "Production", "Production", moved.current_stage)
    return taken


def _transition(client: Any, number: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return client.transition_model_version_stage(NAME, str(number), "Production")


def _require_own_verdicts(platform: Platform, calls: int) -> None:
    """Require a verdict for each version; equal artifacts would share one."""
    registry = open_registry(platform.settings)
    try:
        digests = {version.manifest_digest for version in registry.versions.versions(NAME)}
    finally:
        registry.engine.dispose()
    require(len(digests) == calls and None not in digests, f"{calls} digests", len(digests))


def _require_scored(platform: Platform, calls: int) -> None:
    registry = open_registry(platform.settings)
    try:
        scored = sum(1 for v in registry.versions.versions(NAME) if registry.gate.scorecards(v.uid))
    finally:
        registry.engine.dispose()
    require(scored == calls, f"{calls} scored versions", scored)


BENCHMARK = Benchmark("gate", "warm gate, from the transition call to its answer", run)
