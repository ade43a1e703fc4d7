"""Decides which version an endpoint would go back to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crowning:
    """A finished rollout that made a version stable.

    Attributes:
        version_uid: who became stable.
        is_rollback: a person returned to this version, and so left those after it.
    """

    version_uid: str
    is_rollback: bool


def trusted(history: Iterable[Crowning]) -> tuple[str, ...]:
    """Return the versions an endpoint still trusts, oldest first; the last one is stable now.

    Going back drops what came after, so that going back twice goes further back instead of
    returning to what was just left.
    """
    kept: list[str] = []
    for crowning in history:
        uid = crowning.version_uid
        if crowning.is_rollback and uid in kept:
            del kept[kept.index(uid) + 1 :]
            continue
        if uid in kept:
            kept.remove(uid)
        kept.append(uid)
    return tuple(kept)
