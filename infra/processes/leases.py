"""Leases in a table: which of several processes does a piece of work, and until when.

The table is the caller's, so are its name and its migrations. A lease ends when its time is over
or, at once, when its owner was a process of this machine that has ended. Nothing that is right only
when one process does it may rest on a lease: one that is slower than its lease has a successor.

Not every claim is a lease: a queue's claim of a row belongs to the row
(`compliance.judging.job_queue`, `registry.webhooks.adapters.delivery_queue`).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, Row, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from infra.clock import Clock, to_millis, utc_now
from infra.processes.process import Identity
from infra.stores.db import reading, transaction


def this_process() -> str:
    """Return this process's name as an owner, which none before or after it has."""
    me = Identity.mine()
    return f"{socket.gethostname()}|{me.pid}|{me.birth}"


def is_gone(owner: str) -> bool:
    """Return whether an owner was a process of this machine, or a part of one, that has ended."""
    host, pid, birth, *_part = [*owner.split("|"), "", ""]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    return not Identity(int(pid), birth).alive()


def shown(owner: str) -> str:
    """Return an owner as people read it: its machine and its process's number."""
    return ":".join(owner.split("|")[:2])


@dataclass(frozen=True, slots=True)
class LeaseTable:
    """Names the columns of a table that holds leases, one a row.

    Columns besides these need a default, since a lease that nobody ever took has no row.

    Attributes:
        table: that holds them.
        key: its primary key, which names the lease.
        owner: the process that has or last had the lease; may be null.
        until_ms: when that ends or ended, in milliseconds since the epoch; 0 after a release.
    """

    table: Table
    key: Column[Any]
    owner: Column[Any]
    until_ms: Column[Any]


@dataclass(frozen=True, slots=True)
class Leases:
    """Takes and releases the leases of one table for one process.

    Attributes:
        duration_ms: how long a lease lasts unless it is taken again, > 0.
        owner: the process; see `this_process`.
    """

    engine: Engine
    where: LeaseTable
    duration_ms: int
    owner: str
    clock: Clock = utc_now

    def take(self, key: str | int) -> bool:
        """Take or renew a lease. Returns False if another live process owns it.

        Cheap to call often: a lease of which more than half is left is only read.
        """
        now_ms = to_millis(self.clock())
        with reading(self.engine) as connection:
            row = connection.execute(
                select(self.where.owner.label("owner"), self.where.until_ms.label("until_ms"))
                .select_from(self.where.table)
                .where(self.where.key == key)
            ).one_or_none()
        if row is None:
            return self._insert(key, now_ms)
        if row.owner == self.owner:
            fresh = row.until_ms - now_ms > self.duration_ms // 2
            return fresh or self._replace(key, row, now_ms)
        is_free = row.until_ms <= now_ms or row.owner is None or is_gone(row.owner)
        return is_free and self._replace(key, row, now_ms)

    def release(self, key: str | int) -> None:
        """Release a lease, so that another process can take it at once."""
        with transaction(self.engine) as connection:
            connection.execute(
                update(self.where.table)
                .where(self.where.key == key, self.where.owner == self.owner)
                .values({self.where.until_ms: 0})
            )

    @contextmanager
    def held(self, key: str | int) -> Iterator[bool]:
        """Hold the lease for the block. Yields False if another process owns it."""
        had = self.take(key)
        try:
            yield had
        finally:
            if had:
                self.release(key)

    def _insert(self, key: str | int, now_ms: int) -> bool:
        try:
            with transaction(self.engine) as connection:
                connection.execute(
                    insert(self.where.table).values({self.where.key: key, **self._mine(now_ms)})
                )
        except IntegrityError:
            return False
        return True

    def _replace(self, key: str | int, seen: Row[Any, Any], now_ms: int) -> bool:
        """Take a lease if it is still as it was seen."""
        unchanged = [self.where.key == key, self.where.owner == seen.owner]
        if seen.owner != self.owner:
            # Its owner may have renewed it since.
            unchanged.append(self.where.until_ms == seen.until_ms)
        with transaction(self.engine) as connection:
            done = connection.execute(
                update(self.where.table).where(*unchanged).values(self._mine(now_ms))
            )
        return done.rowcount == 1

    def _mine(self, now_ms: int) -> dict[Any, Any]:
        return {self.where.owner: self.owner, self.where.until_ms: now_ms + self.duration_ms}
