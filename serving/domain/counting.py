"""Computes, from a gateway's running totals, the requests since the last look."""

from __future__ import annotations

from serving.domain.analysis import MetricName
from serving.domain.eprocess import Tally
from serving.domain.plan import Checks
from serving.domain.state import Counters, Mark

# Fewer timed requests than this do not make a p95.
MIN_TIMED = 40


def mark_of(counters: Counters, slow_ms: float | None) -> Mark:
    """Return the mark up to which everything is counted."""
    return Mark(
        epoch=counters.epoch,
        requests=counters.requests,
        failures=counters.failures,
        timed=counters.timed,
        slow=counters.slower_than(slow_ms) if slow_ms is not None else 0,
    )


def counted(
    mark: Mark | None, counters: Counters, slow_ms: float | None
) -> dict[MetricName, Tally]:
    """Return what happened since `mark`, per metric.

    A gateway that restarted counts from zero: what it shows is all new. None as mark means
    "since the gateway started".
    """
    if mark is None or mark.epoch != counters.epoch or counters.requests < mark.requests:
        mark = Mark(epoch=counters.epoch)
    slow = counters.slower_than(slow_ms) if slow_ms is not None else 0
    timed = counters.timed if slow_ms is not None else mark.timed
    return {
        MetricName.ERRORS: _tally(
            counters.requests - mark.requests, counters.failures - mark.failures
        ),
        MetricName.SLOW: _tally(timed - mark.timed, slow - mark.slow),
    }


def latency_threshold(checks: Checks, stable: Counters, *, alone: bool) -> float | None:
    """Return what counts as slow: a bucket's bound at or above ratio * p95 of the stable version.

    Returns:
        Milliseconds; None while the stable version has answered too little, unless the
        candidate is alone: then the plan's absolute limit.
    """
    if stable.timed < MIN_TIMED:
        return checks.max_latency_ms if alone else None
    p95 = next(
        (bound for bound, count in stable.buckets if count >= 0.95 * stable.timed),
        stable.buckets[-1][0],
    )
    wanted = p95 * checks.max_latency_ratio
    return next((bound for bound, _ in stable.buckets if bound >= wanted), wanted)


def _tally(total: int, bad: int) -> Tally:
    total = max(0, total)
    return Tally(total, min(max(0, bad), total))
