"""Counts the outcomes of a stream of requests, per model version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.latency import Histogram, bucket

NOBODY = "no model"
"""Counted for answers that no model server gave: the gateway's own, or none at all."""


@dataclass(frozen=True, slots=True)
class Count:
    """Requests that one version answered.

    Attributes:
        requests: all of them, >= 0.
        failures: those without a 2xx answer.
        latency: of all of them, from the moment they were due.
    """

    requests: int = 0
    failures: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def __sub__(self, earlier: Count) -> Count:
        return Count(
            self.requests - earlier.requests,
            self.failures - earlier.failures,
            self.latency - earlier.latency,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """A reading of the running totals.

    Attributes:
        due: requests that were due so far, answered or not.
        by_version: version to its totals.
        examples: what failed requests said, first seen first, at most a few.
    """

    due: int = 0
    by_version: Mapping[str, Count] = field(default_factory=dict, hash=False)
    examples: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """Return all answered requests."""
        return sum(count.requests for count in self.by_version.values())

    @property
    def failures(self) -> int:
        """Return all failed requests."""
        return sum(count.failures for count in self.by_version.values())

    def of(self, version: str) -> Count:
        """Return the totals of one version."""
        return self.by_version.get(version, Count())

    def since(self, earlier: Tally) -> Tally:
        """Return the difference to an earlier reading of the same stream."""
        rest = {v: count - earlier.of(v) for v, count in self.by_version.items()}
        return Tally(
            self.due - earlier.due,
            {version: count for version, count in rest.items() if count.requests},
            self.examples,
        )

    def document(self) -> dict[str, Any]:
        """Return JSON values; `read` reads them back."""
        return {
            "due": self.due,
            "by_version": {
                version: {
                    "requests": count.requests,
                    "failures": count.failures,
                    "latency": {str(k): n for k, n in count.latency.counts.items()},
                }
                for version, count in self.by_version.items()
            },
            "examples": list(self.examples),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Tally:
        """Read what `document` wrote."""
        return cls(
            int(document["due"]),
            {
                str(version): Count(
                    int(count["requests"]),
                    int(count["failures"]),
                    Histogram({int(k): int(n) for k, n in count["latency"].items()}),
                )
                for version, count in document["by_version"].items()
            },
            tuple(document["examples"]),
        )


class Counting:
    """Running totals, to be read at any time; not for several threads."""

    EXAMPLES = 5

    def __init__(self) -> None:
        self.due = 0
        self._requests: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._latency: dict[str, Counter[int]] = {}
        self._examples: dict[str, None] = {}

    def add(self, version: str, latency_ms: float, failure: str | None) -> None:
        """Count one request.

        Args:
            version: that answered, or `NOBODY`.
            latency_ms: from the moment it was due, >= 0.
            failure: what went wrong, or None.
        """
        self._requests[version] += 1
        self._latency.setdefault(version, Counter())[bucket(latency_ms)] += 1
        if failure is not None:
            self._failures[version] += 1
            if len(self._examples) < self.EXAMPLES:
                self._examples.setdefault(f"{version}: {failure}")

    def reading(self) -> Tally:
        """Return the totals so far."""
        return Tally(
            self.due,
            {
                version: Count(
                    count, self._failures[version], Histogram(dict(self._latency[version]))
                )
                for version, count in self._requests.items()
            },
            tuple(self._examples),
        )
