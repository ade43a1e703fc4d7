"""The durable scoring queue. A claim is one conditional update; a lease limits its time.

The claim is the job's own, not a lease of `infra.processes.leases`: it is won by the job's
revision, which also counts the claims that ended with their process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from compliance.adapters import tables
from infra.clock import Clock, to_millis, utc_now
from infra.processes.leases import is_gone, this_process
from infra.stores.db import reading, transaction

LEASE_MS = 10_000
MAX_PAUSE_MS = 15_000
MAX_ATTEMPTS = 240
"""Attempts while infrastructure is down: about an hour, since pauses grow to `MAX_PAUSE_MS`."""
CANDIDATES = 20

_J = tables.job.c


class Phase(StrEnum):
    """What is left to do for a job."""

    SCORE = "score"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Job:
    """One request to score, as this worker has claimed it.

    Attributes:
        attempts: that failed in this phase and were put back.
        lost: claims for scoring that ended with their process, before this one.
    """

    id: int
    request_id: int
    phase: Phase
    attempts: int
    lost: int
    report_run_id: str | None
    document: Mapping[str, Any] | None

    @property
    def is_last_attempt(self) -> bool:
        """Whether the job must not be retried after another failure."""
        return self.attempts + 1 >= MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class JobQueue:
    """One lane's access to the queue; `owner` tells it from other lanes and from its successor."""

    engine: Engine
    owner: str
    clock: Clock = utc_now

    @classmethod
    def of_lane(cls, engine: Engine, lane: int, clock: Clock = utc_now) -> JobQueue:
        """Return the queue with one lane of this process as owner.

        A lane takes back what it owns, since it does one job at a time: an owner that two
        lanes shared would let both do the same job.
        """
        return cls(engine, f"{this_process()}|{lane}", clock)

    def enqueue(self, request_id: int, delivery_id: str) -> bool:
        """Add a request. Returns False when it is in the queue already."""
        now_ms = to_millis(self.clock())
        try:
            with transaction(self.engine) as connection:
                connection.execute(
                    insert(tables.job).values(
                        request_id=request_id,
                        delivery_id=delivery_id,
                        phase=Phase.SCORE.value,
                        lease_until_ms=0,
                        revision=0,
                        attempts=0,
                        next_attempt_ms=now_ms,
                        created_ms=now_ms,
                    )
                )
        except IntegrityError:
            return False
        return True

    def claim(self) -> Job | None:
        """Take the next job that is due, scoring before reports; None when there is none.

        A job whose owner's process died on this machine is taken at once, one from elsewhere
        when its lease has run out.
        """
        now_ms = to_millis(self.clock())
        scoring_first = case((_J.phase == Phase.SCORE.value, 0), else_=1)
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(tables.job)
                .where(_J.next_attempt_ms <= now_ms)
                .order_by(scoring_first, _J.id)
                .limit(CANDIDATES)
            ).all()
        for row in rows:
            if self._is_free(row, now_ms) and self._take(row, now_ms):
                return Job(
                    id=row.id,
                    request_id=row.request_id,
                    phase=Phase(row.phase),
                    attempts=row.attempts,
                    # Every claim raises the revision, and every retried failure the attempts.
                    lost=max(0, row.revision - row.attempts),
                    report_run_id=row.report_run_id,
                    document=row.document,
                )
        return None

    def _is_free(self, row: Row[Any], now_ms: int) -> bool:
        if row.owner is None or row.owner == self.owner or row.lease_until_ms < now_ms:
            return True
        return is_gone(row.owner)

    def _take(self, row: Row[Any], now_ms: int) -> bool:
        with transaction(self.engine) as connection:
            taken = connection.execute(
                update(tables.job)
                .where(_J.id == row.id, _J.revision == row.revision)
                .values(
                    owner=self.owner, lease_until_ms=now_ms + LEASE_MS, revision=row.revision + 1
                )
            )
        return taken.rowcount == 1

    def renew(self, job: Job) -> None:
        """Extend the lease of a job that takes long."""
        self._change(job, lease_until_ms=to_millis(self.clock()) + LEASE_MS)

    def judged(self, job: Job, document: Mapping[str, Any], report_run_id: str | None) -> None:
        """Store the scorecard and the run of its report, for this worker or the next."""
        self._change(job, document=dict(document), report_run_id=report_run_id)

    def scored(self, job: Job) -> None:
        """Record that the verdict is attached and only the report is left."""
        self._change(job, phase=Phase.REPORT.value, attempts=0, owner=None)

    def retry(self, job: Job, error: str) -> int:
        """Put a job back; return in how many milliseconds it is due again."""
        pause_ms = int(min(MAX_PAUSE_MS, 250 * 2 ** min(job.attempts, 10)))
        self._change(
            job,
            attempts=job.attempts + 1,
            next_attempt_ms=to_millis(self.clock()) + pause_ms,
            last_error=error[:2000],
            owner=None,
        )
        return pause_ms

    def finish(self, job: Job) -> None:
        """Delete a finished job, unless somebody else has taken it over."""
        with transaction(self.engine) as connection:
            connection.execute(delete(tables.job).where(*self._still_mine(job)))

    def waiting(self) -> int:
        """Return the number of unfinished jobs."""
        with reading(self.engine) as connection:
            return len(connection.execute(select(_J.id)).all())

    def _change(self, job: Job, **values: object) -> None:
        with transaction(self.engine) as connection:
            connection.execute(update(tables.job).where(*self._still_mine(job)).values(**values))

    def _still_mine(self, job: Job) -> tuple[ColumnElement[bool], ...]:
        return _J.id == job.id, or_(_J.owner == self.owner, _J.owner.is_(None))
