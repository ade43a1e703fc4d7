"""Finds committed events that have no number yet, without looking at all events each time.

On PostgreSQL an event with a smaller id may be committed after one with a larger id. So ids that
were not there when a larger one was are remembered as gaps and asked for again: most belong to
transactions under way, the others to some that were rolled back. What is not found that way (a
transaction that took longer than a gap is remembered, or a process that was killed) is found by a
sweep over all events, at the start and every hour.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, exists, func, select

from registry.adapters import tables
from registry.audit.merkle.adapters.leaves import COLUMNS
from registry.audit.merkle.domain.entry import StoredEvent

WINDOW = 10_000
"""Most ids before the newest one that are looked at for gaps."""
GAP_MS = 600_000
"""How long a gap is asked for."""
SWEEP_MS = 3_600_000
"""Time between two sweeps."""

_E = tables.event.c
_F = tables.leaf.c


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to number next, and where the search stands once they have their numbers."""

    events: list[StoredEvent]
    after: Backlog


@dataclass(frozen=True, slots=True)
class Backlog:
    """Where the search for events without a number stands.

    Attributes:
        newest: largest id that was found; those above are new.
        gaps: ids below it that were not there, with when that was first seen.
        swept_ms: when the last sweep began; None before the first.
        sweep_after: id at which the sweep under way goes on; None when none is.
    """

    newest: int = 0
    gaps: dict[int, int] = field(default_factory=dict)
    swept_ms: int | None = None
    sweep_after: int | None = None

    def next(self, connection: Connection, limit: int, now_ms: int) -> Batch:
        """Return the next events without a number, oldest first.

        Args:
            connection: a transaction of the only process that numbers events.
            limit: most new events to return, >= 1; found gaps come on top.
            now_ms: the time.
        """
        if self.sweep_after is not None:
            return self._sweep(connection, self.sweep_after, limit, now_ms)
        if self.swept_ms is None or now_ms - self.swept_ms > SWEEP_MS:
            return replace(self, swept_ms=now_ms)._sweep(connection, -(2**63), limit, now_ms)
        return self._new(connection, limit, now_ms)

    def _sweep(self, connection: Connection, after: int, limit: int, now_ms: int) -> Batch:
        query = (
            select(*COLUMNS)
            .where(_E.id > after, ~exists().where(_F.event_id == _E.id))
            .order_by(_E.id)
            .limit(limit)
        )
        found = [StoredEvent(*row) for row in connection.execute(query).all()]
        if len(found) == limit:
            return Batch(found, replace(self, sweep_after=found[-1].id))
        # Every event that this saw is in `found` or has a leaf. So what has neither below the
        # newest of both was not committed yet, though it may be by now: ask no other table.
        largest = connection.execute(select(func.max(_F.event_id))).scalar() or 0
        newest = max([largest, *(event.id for event in found)])
        query_leaves = select(_F.event_id).where(_F.event_id > newest - WINDOW)
        there = {int(one) for one in connection.execute(query_leaves).scalars()}
        there.update(event.id for event in found)
        gaps = _missing(max(newest - WINDOW, 0), newest, there)
        after_sweep = Backlog(newest, dict.fromkeys(gaps, now_ms), self.swept_ms)
        return Batch(found, after_sweep)

    def _new(self, connection: Connection, limit: int, now_ms: int) -> Batch:
        found: list[StoredEvent] = []
        if self.gaps:
            query = select(*COLUMNS).where(_E.id.in_(self.gaps)).order_by(_E.id)
            found = [StoredEvent(*row) for row in connection.execute(query).all()]
        query = select(*COLUMNS).where(_E.id > self.newest).order_by(_E.id).limit(limit)
        new = [StoredEvent(*row) for row in connection.execute(query).all()]
        closed = {event.id for event in found}
        gaps = {
            gap: since
            for gap, since in self.gaps.items()
            if gap not in closed and now_ms - since < GAP_MS
        }
        if not new:
            return Batch(found, replace(self, gaps=gaps))
        newest = new[-1].id
        missing = _missing(max(self.newest, newest - WINDOW), newest, {event.id for event in new})
        gaps.update(dict.fromkeys(missing, now_ms))
        return Batch([*found, *new], replace(self, newest=newest, gaps=gaps))


def _missing(after: int, newest: int, there: set[int]) -> list[int]:
    """Return the ids above `after` and below `newest` that are not there."""
    return [one for one in range(after + 1, newest) if one not in there]
