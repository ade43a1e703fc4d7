"""Defines what a stage asks of people: how many approvals, in which roles, and for how long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

ANY = "any"
"""Stands for every role that may approve."""
MOST = 20
MOST_HOURS = 10 * 366 * 24
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What a stage of the constitution asks of people.

    Attributes:
        quorum: role with the number of its approvals; `any` for those of every role.
        approval_expires_after_hours: for how long an approval counts; None for as long as its
            request is open.
        request_expires_after_hours: for how long a request may stay open; None for ever.
    """

    quorum: tuple[tuple[str, int], ...] = ()
    approval_expires_after_hours: float | None = None
    request_expires_after_hours: float | None = None

    def seats(self, at_least: int = 0) -> tuple[str, ...]:
        """Return the role of each approval that is needed.

        Args:
            at_least: how many there must be; those that the quorum lacks are of any role.
        """
        named = [role for role, count in self.quorum if role != ANY for _ in range(count)]
        free = [role for role, count in self.quorum if role == ANY for _ in range(count)]
        more = at_least - len(named) - len(free)
        return (*named, *free, *([ANY] * more))

    def approval_ends_ms(self, given_ms: int) -> int | None:
        """Return when an approval expires; None if it does not."""
        return _ends(given_ms, self.approval_expires_after_hours)

    def request_ends_ms(self, created_ms: int) -> int | None:
        """Return when an open request expires; None if it does not."""
        return _ends(created_ms, self.request_expires_after_hours)


def reminder_ms(from_ms: int, ends_ms: int) -> int:
    """Return when to remind people of an end: a day before, but not before half of the time."""
    return max(ends_ms - _DAY_MS, (from_ms + ends_ms) // 2)


def _ends(from_ms: int, hours: float | None) -> int | None:
    return None if hours is None else from_ms + round(hours * _HOUR_MS)


def quorum_of(value: object) -> tuple[tuple[str, int], ...]:
    """Read `approvals`: a number, or a number for each role.

    Raises:
        ValueError: it is neither.
    """
    if _is_count(value):
        return ((ANY, value),) if value else ()
    if not isinstance(value, Mapping):
        raise ValueError(
            f"expected a number from 0 to {MOST}, or one for each role, found {value!r}"
        )
    found = []
    for role, count in value.items():
        if not isinstance(role, str) or not _ROLE.fullmatch(role):
            raise ValueError(f"expected a role's id, or {ANY}, found {role!r}")
        if not _is_count(count) or count < 1:
            raise ValueError(f"expected a number from 1 to {MOST} for {role}, found {count!r}")
        found.append((role, count))
    total = sum(count for _, count in found)
    if not 1 <= total <= MOST:
        raise ValueError(f"expected 1 to {MOST} approvals over all roles, found {total}")
    # Two spellings of one quorum have one digest, so they have one order.
    return tuple(sorted(found))


def hours_of(value: object) -> float | None:
    """Read a time after which something expires; None if there is none.

    Raises:
        ValueError: it is no number of hours.
    """
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST_HOURS:
        raise ValueError(f"expected hours above 0, at most {MOST_HOURS}, found {value!r}")
    return float(value)


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def rules_of(bar: object) -> ApprovalRules:
    """Read what a stage asks of people from its entry in the constitution.

    Raises:
        ValueError: it is not valid.
    """
    if not isinstance(bar, Mapping) or "approvals" not in bar:
        raise ValueError(f"expected min_score and approvals, found {bar!r}")
    return ApprovalRules(
        quorum_of(bar["approvals"]),
        hours_of(bar.get("approval_expires_after_hours")),
        hours_of(bar.get("request_expires_after_hours")),
    )
