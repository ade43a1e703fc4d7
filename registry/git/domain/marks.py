"""Defines what gto should show for a version, and the tags that make it so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.domain.values import Stage
from registry.git.domain.grammar import TagAction

STAGES = {Stage.STAGING: "staging", Stage.PRODUCTION: "prod", Stage.ARCHIVED: "archived"}
"""gto's name of each stage; a version in MLflow's stage None stands in none of gto's."""

DEPRECATED = "deprecated"
"""Stage of a version whose owners advise against it: gto can deprecate only a whole artifact."""


@dataclass(frozen=True, slots=True)
class TagMark:
    """What the tags of a version say together.

    Attributes:
        registered: whether gto lists it.
        stages: gto's names of the stages it is assigned to.
    """

    registered: bool = False
    stages: frozenset[str] = frozenset()

    @classmethod
    def at(cls, stage: Stage | None, *, deprecated: bool = False) -> TagMark:
        """Return the mark of a registered version in one of MLflow's stages."""
        names = {STAGES[stage]} if stage in STAGES else set()
        return cls(True, frozenset(names | {DEPRECATED} if deprecated else names))

    def moved(self, stage: Stage | None) -> TagMark:
        """Return the mark after a move to another stage."""
        return TagMark.at(stage, deprecated=DEPRECATED in self.stages)


GONE = TagMark()


@dataclass(frozen=True, slots=True)
class TagStep:
    """One tag to make; `stage` is "" where the action has none."""

    action: TagAction
    stage: str = ""


def steps(old: TagMark, new: TagMark) -> Iterator[TagStep]:
    """Yield the tags that lead from one mark to another, in order."""
    if new.registered and not old.registered:
        yield TagStep(TagAction.REGISTER)
    for stage in sorted(old.stages - new.stages):
        yield TagStep(TagAction.UNASSIGN, stage)
    for stage in sorted(new.stages - old.stages):
        yield TagStep(TagAction.ASSIGN, stage)
    if old.registered and not new.registered:
        yield TagStep(TagAction.DEREGISTER)


def after(mark: TagMark, step: TagStep) -> TagMark:
    """Return what a version's tags say once a step's tag exists."""
    match step.action:
        case TagAction.REGISTER:
            return TagMark(True, mark.stages)
        case TagAction.DEREGISTER:
            return TagMark(False, mark.stages)
        case TagAction.ASSIGN:
            return TagMark(mark.registered, mark.stages | {step.stage})
        case TagAction.UNASSIGN:
            return TagMark(mark.registered, mark.stages - {step.stage})
        case TagAction.DEPRECATE:
            return mark
