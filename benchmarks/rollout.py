"""Measures failed client requests during rollouts and rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.endpoints import Endpoint, endpoint
from benchmarks.report import Row, Target
from pipelines.demo.rollout import Followed
from pipelines.demo.story import CHECKS, WEIGHTS
from pipelines.demo.stream import Stream
from pipelines.steps.models import Recipe
from pipelines.tally import Tally
from serving.domain.plan import RolloutPlan
from tests.support.platform import started

NAME = "credit-rollout"
RATE = 150.0
HOLD_SECONDS = 3.0
BASELINE_REQUESTS = 600
AFTER_REQUESTS = 300
NO_FAILURE = Target(0)


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Roll out, be rolled back, roll back, one after the other, under one stream of requests."""
    plan = RolloutPlan.canary(WEIGHTS, effort.seconds(HOLD_SECONDS), checks=CHECKS)
    with started(folder / "root") as platform, endpoint(platform, NAME, plan) as served:
        served.roll_out(Recipe.BASELINE)
        with Stream(served.url, RATE) as stream:
            stream.wait_for(BASELINE_REQUESTS, limit_seconds=60)
            return [
                *_good_canary(served, stream),
                *_bad_canary(served, stream),
                *_way_back(served, stream),
            ]


def _good_canary(served: Endpoint, stream: Stream) -> list[Row]:
    before = stream.reading()
    _, followed = served.roll_out(Recipe.BETTER)
    return _rows("canary rollout", "succeeded", followed, _since(stream, before))


def _bad_canary(served: Endpoint, stream: Stream) -> list[Row]:
    before = stream.reading()
    bad, followed = served.roll_out(Recipe.FRAGILE)
    during = _since(stream, before)
    own = during.of(bad.semver).failures
    require(own > 0, "failures of the bad model's own", own)
    return _rows("automatic rollback of a bad canary", "rolled_back", followed, during, own)


def _way_back(served: Endpoint, stream: Stream) -> list[Row]:
    before = stream.reading()
    followed = served.roll_back()
    _since(stream, before)
    # What is still under way is waited for: nothing that failed late is missed.
    return _rows("rollback by a person", "succeeded", followed, stream.end().since(before))


def _since(stream: Stream, before: Tally) -> Tally:
    stream.wait_for(AFTER_REQUESTS, limit_seconds=30)
    return stream.reading().since(before)


def _rows(what: str, phase: str, followed: Followed, during: Tally, own: int = 0) -> list[Row]:
    found = followed.rollout.phase
    require(found == phase, f"{what}: {phase}", f"{found}: {followed.reasons}")
    require(during.requests > 0, f"{what}: requests", during.requests)
    return [
        Row(
            f"{what}: failed requests that the bad model did not cause"
            if own
            else f"{what}: failed requests",
            "requests",
            (during.failures - own,),
            NO_FAILURE,
            of=during.requests,
        ),
        Row(f"{what}: from the order to the end", "s", (followed.seconds,)),
    ]


BENCHMARK = Benchmark("rollout", "failed client requests during rollouts and rollbacks", run)
