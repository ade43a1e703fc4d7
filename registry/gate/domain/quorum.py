"""Decides who fills which seat of a quorum: people and roles in, a matching out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from registry.governance.domain.approval_rules import ANY


def assign(seats: Sequence[str], people: Mapping[str, AbstractSet[str]]) -> tuple[str | None, ...]:
    """Fill as many seats as people can, each person in one seat.

    Finds a maximum matching by augmenting paths (Kuhn), so that somebody who holds several roles
    takes the seat that nobody else can.

    Args:
        seats: the role that each asks for; `any` for any.
        people: the roles that each person holds.

    Returns:
        Who fills each seat; None for one that stays empty.
    """
    filled: dict[str, int] = {}
    # Those for one role first, so that who fits anywhere is moved as seldom as possible.
    for seat in sorted(range(len(seats)), key=lambda seat: seats[seat] == ANY):
        _seat_somebody(seat, seats, people, filled, set())
    by_seat = {seat: person for person, seat in filled.items()}
    return tuple(by_seat.get(seat) for seat in range(len(seats)))


def fits(seat: str, roles: AbstractSet[str]) -> bool:
    """Return whether somebody with these roles may take a seat."""
    return seat == ANY or seat in roles


def _seat_somebody(
    seat: int,
    seats: Sequence[str],
    people: Mapping[str, AbstractSet[str]],
    filled: dict[str, int],
    asked: set[str],
) -> bool:
    for person, roles in people.items():
        if person in asked or not fits(seats[seat], roles):
            continue
        asked.add(person)
        other = filled.get(person)
        if other is None or _seat_somebody(other, seats, people, filled, asked):
            filled[person] = seat
            return True
    return False


def groups(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return, for each key in these pairs, the first key of all that pairs connect with it."""
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    for one, other in pairs:
        leader[find(other)] = find(one)
    return {key: find(key) for key in leader}
