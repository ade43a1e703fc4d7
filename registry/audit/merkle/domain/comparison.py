"""Compares the events of a database with the entries of a log that was verified."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from registry.audit.merkle.domain.entry import StoredEvent, entry_of, read_entry
from registry.audit.merkle.errors import NotProvenError


@dataclass(frozen=True, slots=True)
class Compared:
    """A database whose events are those of the log.

    Attributes:
        same: number of events that were compared.
        unlogged: events of the database that no proven entry is about: those that wait for a
            checkpoint.
    """

    same: int
    unlogged: tuple[int, ...]


def compare(entries: Iterable[bytes], events: Iterable[StoredEvent]) -> Compared:
    """Compare events with a log.

    Args:
        entries: that were proven, in the order of the log.
        events: of the database, by id.

    Raises:
        NotProvenError: the database's events are not those of the log; names the first in the
            order of the log.
    """
    ahead = _Ahead(iter(events))
    same = 0
    for number, entry in enumerate(entries):
        logged = read_entry(entry)
        found = ahead.take(int(logged["id"]))
        if found is None:
            raise _missing(number, logged, ahead)
        if entry_of(found, number) != entry:
            raise _different(number, logged, found)
        same += 1
    return Compared(same, ahead.rest())


class _Ahead:
    """Takes events by id. They come nearly in the order of the log, so few are held."""

    def __init__(self, events: Iterator[StoredEvent]) -> None:
        self._events = events
        self._held: dict[int, StoredEvent] = {}
        self._read = -(2**63)
        self._ended = False

    def take(self, wanted: int) -> StoredEvent | None:
        """Return the event of an id; None if there is none."""
        while self._read < wanted and not self._ended:
            event = next(self._events, None)
            if event is None:
                self._ended = True
            else:
                self._held[event.id] = event
                self._read = event.id
        return self._held.pop(wanted, None)

    def is_at_end(self) -> bool:
        """Return whether no further event is there."""
        return self._ended and not self._held

    def rest(self) -> tuple[int, ...]:
        """Return the ids that nobody took."""
        return (*sorted(self._held), *(event.id for event in self._events))


def _missing(number: int, logged: dict[str, Any], ahead: _Ahead) -> NotProvenError:
    if ahead.is_at_end():
        end = "the events of the database end before it: truncated, or restored from an old backup"
    else:
        end = "deleted"
    return NotProvenError(
        f"event {logged['id']} (number {number} of the log, uid {logged['uid']}, "
        f"{logged['type']}): expected it in the database, found none: {end}",
        hint="the log's entry has the whole event",
    )


def _different(number: int, logged: dict[str, Any], found: StoredEvent) -> NotProvenError:
    where = f"event {logged['id']} (number {number} of the log, {logged['type']})"
    if found.uid != logged["uid"]:
        return NotProvenError(
            f"{where}: expected the event with uid {logged['uid']}, found uid {found.uid}: it was "
            "replaced or moved, or another history was written after an old backup",
            hint="the log's entry has the whole event",
        )
    now = read_entry(entry_of(found, number))
    changed = [
        f"{name} {_short(logged.get(name))}, found {_short(now.get(name))}"
        for name in sorted(logged.keys() | now.keys())
        if json.dumps(logged.get(name)) != json.dumps(now.get(name))
    ]
    return NotProvenError(
        f"{where}: it was altered: expected {'; '.join(changed)}",
        hint="the log's entry has the whole event",
    )


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def exported(event: StoredEvent) -> str:
    """Return an event as a line of an export, which `imported` reads."""
    return json.dumps({name: getattr(event, name) for name in StoredEvent.__dataclass_fields__})


def imported(line: str, where: str) -> StoredEvent:
    """Read a line of an export.

    Raises:
        NotProvenError: it is none.
    """
    try:
        return StoredEvent(**json.loads(line))
    except (ValueError, TypeError, RecursionError) as err:
        raise NotProvenError(
            f"{where}: expected an event as acgs audit export writes it, found none: {err}",
            hint="export the events again: acgs audit export FILE",
        ) from err
