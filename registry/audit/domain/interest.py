"""Decides which events a subscription wants: values in, decision out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from registry.audit.domain.databricks import names_of
from registry.domain.values import Stage

EVERYTHING = "*"


class Outcome(StrEnum):
    """How something ended that an event reports."""

    GRANTED = "granted"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    APPROVED = "approved"
    REJECTED = "rejected"
    PASSED = "passed"
    FAILED = "failed"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"


_BY_TYPE = {
    "transition_request.granted": Outcome.GRANTED,
    "transition_request.refused": Outcome.REFUSED,
    "transition_request.cancelled": Outcome.CANCELLED,
    "approval.given": Outcome.APPROVED,
    "approval.rejected": Outcome.REJECTED,
    "rollout.promoted": Outcome.PROMOTED,
    "rollout.rolled_back": Outcome.ROLLED_BACK,
}
_VERDICTS = frozenset({"scorecard.attached", "scorecard.recorded"})


def outcome_of(type: str, data: Mapping[str, object]) -> Outcome | None:
    """Return how the matter of an event ended; None for an event that ends nothing."""
    if type in _VERDICTS:
        return Outcome.PASSED if data.get("passed") is True else Outcome.FAILED
    return _BY_TYPE.get(type)


def stage_of(data: Mapping[str, object]) -> Stage | None:
    """Return the stage that an event's data is about: asked for, or moved to."""
    value = data.get("to_stage", data.get("target"))
    return Stage.parse(value) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscription wants. Every part has to match; an empty one matches everything.

    Attributes:
        events: types, names of Databricks, or `*`; at least one.
        names: patterns of the event's name (`*`, `?`, `[...]`; compared without case).
        stages: events that are about no stage do not match any.
        outcomes: events that end nothing do not match any.
    """

    events: tuple[str, ...]
    names: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()

    def includes(self, type: str, name: str, data: Mapping[str, object]) -> bool:
        """Return whether the subscription wants such an event."""
        stage = stage_of(data)
        return (
            self._has_type(type, stage, data)
            and (not self.names or any(_matches(one, name) for one in self.names))
            and (not self.stages or stage in self.stages)
            and (not self.outcomes or outcome_of(type, data) in self.outcomes)
        )

    def _has_type(self, type: str, stage: Stage | None, data: Mapping[str, object]) -> bool:
        if EVERYTHING in self.events or type in self.events:
            return True
        return any(name in self.events for name in names_of(type, stage, data))


def _matches(pattern: str, name: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())
