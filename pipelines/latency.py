"""Counts latencies in buckets, so that two readings can be subtracted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

SMALLEST_MS = 0.1
GROWTH = 1.05
"""Neighbouring bounds differ by 5 %, which is the error of a quantile at most."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """The number of latencies in each bucket.

    Attributes:
        counts: bucket index to count > 0; bucket i holds (0.1 ms * 1.05**(i-1), 0.1 ms * 1.05**i],
            bucket 0 everything up to 0.1 ms.
    """

    counts: Mapping[int, int] = field(default_factory=dict, hash=False)

    @property
    def total(self) -> int:
        """Return the number of latencies."""
        return sum(self.counts.values())

    def __add__(self, other: Histogram) -> Histogram:
        return self._combined(other, 1)

    def __sub__(self, earlier: Histogram) -> Histogram:
        return self._combined(earlier, -1)

    def _combined(self, other: Histogram, sign: int) -> Histogram:
        keys = self.counts.keys() | other.counts.keys()
        sums = {k: self.counts.get(k, 0) + sign * other.counts.get(k, 0) for k in keys}
        return Histogram({k: count for k, count in sorted(sums.items()) if count})

    def quantile_ms(self, share: float) -> float | None:
        """Return the upper bound of the bucket that holds the quantile; None without latencies.

        Args:
            share: in (0, 1], e.g. 0.99.
        """
        wanted = math.ceil(share * self.total)
        seen = 0
        for index, count in sorted(self.counts.items()):
            seen += count
            if seen >= wanted:
                return SMALLEST_MS * GROWTH**index
        return None


def bucket(latency_ms: float) -> int:
    """Return the index of the bucket that a latency >= 0 falls into."""
    if latency_ms <= SMALLEST_MS:
        return 0
    return math.ceil(math.log(latency_ms / SMALLEST_MS) / math.log(GROWTH) - 1e-9)
