"""Keeps count of a server's connections, drops the slow ones, and makes room for new ones.

Uvicorn waits for ever: for headers, for the rest of a body, for a client to read its answer. The
rate is measured, not the total time, so a large upload over a slow line goes through.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Protocol

from infra.web.edge import ClientLimits

TURNED_AWAY = 64
"""How many connections beyond the limit get an answer at the same time; others are reset."""

_logger = logging.getLogger(__name__)


class Wait(Enum):
    """What a connection is waiting for."""

    REQUEST = auto()
    BODY = auto()
    READER = auto()
    APP = auto()


class Connection(Protocol):
    """A connection as the roster sees it."""

    peer: str

    def stage(self) -> tuple[Wait, int]:
        """Return what the connection waits for, and how many requests it has had; does no I/O."""

    def moved_bytes(self) -> int:
        """Return how many bytes the client has sent and acknowledged so far."""

    def drop(self) -> None:
        """End the connection, and say why if a request has begun."""

    def reset(self) -> None:
        """End the connection at once."""


class _Entry:
    """One connection's clock: since when it is at a stage, and what had moved by then."""

    __slots__ = ("connection", "moved_bytes", "since", "stage")

    def __init__(self, connection: Connection, now: float) -> None:
        self.connection = connection
        self.stage = connection.stage()
        self.since = now
        self.moved_bytes = 0

    def restart(self, stage: tuple[Wait, int], now: float) -> None:
        self.stage, self.since = stage, now
        self.moved_bytes = self.connection.moved_bytes()


class Roster:
    """The connections of one server. Not safe for threads: its event loop alone calls it.

    Args:
        limits: of the clients.
        is_exempt: whether an address, such as a proxy's, is exempt from the limit per peer.
    """

    def __init__(
        self, limits: ClientLimits, is_exempt: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._limits = limits
        self._is_exempt = is_exempt
        self._entries: dict[Connection, _Entry] = {}
        self._peers: Counter[str] = Counter()
        self._turned_away: set[Connection] = set()

    def admit(self, connection: Connection, now: float) -> bool:
        """Admit a connection, dropping an idle one if there is no room.

        Returns:
            False if there is no room, since every other one is busy.
        """
        limits, peer = self._limits, connection.peer
        room = True
        if self._peers[peer] >= limits.connections_per_peer and not self._is_exempt(peer):
            room = self._make_room(e for e in self._entries.values() if e.connection.peer == peer)
        if room and len(self._entries) >= limits.connections:
            [(most, _)] = self._peers.most_common(1)
            room = self._make_room(
                e for e in self._entries.values() if e.connection.peer == most
            ) or self._make_room(self._entries.values())
        if room:
            self._entries[connection] = _Entry(connection, now)
            self._peers[peer] += 1
        return room

    def turn_away(self, connection: Connection) -> bool:
        """Note a connection that was not admitted; return whether it may stay to read why."""
        if len(self._turned_away) >= TURNED_AWAY:
            return False
        self._turned_away.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """Forget a connection that has ended; no error if it is not known."""
        self._turned_away.discard(connection)
        if self._entries.pop(connection, None) is None:
            return
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]

    def sweep(self, now: float) -> None:
        """Drop the connections that have been too slow."""
        slow: Counter[str] = Counter()
        for entry in list(self._entries.values()):
            stage = entry.connection.stage()
            if stage != entry.stage:
                entry.restart(stage, now)
            elif self._is_too_slow(entry, now):
                slow[stage[0].name.lower()] += 1
                entry.connection.drop()
        if slow:
            _logger.warning(
                "dropped slow connections, by what was waited for: %s",
                ", ".join(f"{what} {count}" for what, count in slow.items()),
            )

    def _is_too_slow(self, entry: _Entry, now: float) -> bool:
        limits, waited_seconds = self._limits, now - entry.since
        match entry.stage[0]:
            case Wait.APP:
                return False
            case Wait.REQUEST:
                return waited_seconds >= limits.header_seconds
            case Wait.BODY | Wait.READER:
                if waited_seconds < limits.stall_seconds:
                    return False
                moved_bytes = entry.connection.moved_bytes() - entry.moved_bytes
                if moved_bytes < limits.stall_seconds * limits.floor_bytes_per_second:
                    return True
                entry.restart(entry.stage, now)
                return False

    def _make_room(self, entries: Iterable[_Entry]) -> bool:
        """Drop the connection that has been idle longest, first those without a request so far."""
        idle = [e for e in entries if e.connection.stage()[0] is Wait.REQUEST]
        if not idle:
            return False
        victim = min(idle, key=lambda e: (e.connection.stage()[1] > 0, e.since))
        self.forget(victim.connection)
        victim.connection.reset()
        return True
