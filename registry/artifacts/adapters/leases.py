"""Keeps leases: which of several processes does a piece of work, and until when."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from infra.clock import Clock, to_millis, utc_now
from infra.processes.process import Identity
from infra.stores.db import reading, transaction
from registry.artifacts.adapters import tables

LEASE_MS = 30_000
_L = tables.lease.c


@dataclass(frozen=True, slots=True)
class Leases:
    """Takes and releases leases for one process; `owner` tells a process from its successor."""

    engine: Engine
    owner: str
    clock: Clock = utc_now

    @classmethod
    def mine(cls, engine: Engine, clock: Clock = utc_now) -> Leases:
        """Open the leases in this process's name."""
        me = Identity.mine()
        return cls(engine, f"{socket.gethostname()}|{me.pid}|{me.birth}", clock)

    def take(self, name: str) -> bool:
        """Take or renew a lease. Returns False if another live process owns it."""
        now_ms = to_millis(self.clock())
        with reading(self.engine) as connection:
            row = connection.execute(select(tables.lease).where(_L.name == name)).one_or_none()
        if row is None:
            try:
                with transaction(self.engine) as connection:
                    connection.execute(
                        insert(tables.lease).values(
                            name=name, owner=self.owner, until_ms=now_ms + LEASE_MS
                        )
                    )
            except IntegrityError:
                return False
            return True
        if row.owner == self.owner and row.until_ms - now_ms > LEASE_MS // 2:
            return True
        taken = or_(_L.owner == self.owner, _L.until_ms < now_ms, _L.owner.in_(_dead(row.owner)))
        with transaction(self.engine) as connection:
            done = connection.execute(
                update(tables.lease)
                .where(_L.name == name, _L.owner == row.owner, taken)
                .values(owner=self.owner, until_ms=now_ms + LEASE_MS)
            )
        return done.rowcount == 1

    def release(self, name: str) -> None:
        """Release a lease, so that another process can take it at once."""
        with transaction(self.engine) as connection:
            connection.execute(delete(tables.lease).where(_L.name == name, _L.owner == self.owner))

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Hold the lease for the block. Yields False if another process owns it."""
        had = self.take(name)
        try:
            yield had
        finally:
            if had:
                self.release(name)


def _dead(owner: str) -> list[str]:
    """Return the owner if it was a process on this machine that has ended."""
    host, pid, birth = owner.split("|", 2)
    if host == socket.gethostname() and not Identity(int(pid), birth).alive():
        return [owner]
    return []
