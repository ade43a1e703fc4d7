"""Defines what gto should show for a version, and the tags that make it so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.domain.values import Stage
from registry.git.domain.grammar import Action

STAGES = {Stage.STAGING: "staging", Stage.PRODUCTION: "prod", Stage.ARCHIVED: "archived"}
"""gto's name of each stage; a version in MLflow's stage None stands in none of gto's."""

DEPRECATED = "deprecated"
"""Stage of a version whose owners advise against it: gto can deprecate only a whole artifact."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the tags of a version say together.

    Attributes:
        registered: whether gto lists it.
        stages: gto's names of the stages it is assigned to.
    """

    registered: bool = False
    stages: frozenset[str] = frozenset()

    @classmethod
    def at(cls, stage: Stage | None, *, deprecated: bool = False) -> Mark:
        """Return the mark of a registered version in one of MLflow's stages."""
        names = {STAGES[stage]} if stage in STAGES else set()
        return cls(True, frozenset(names | {DEPRECATED} if deprecated else names))

    def moved(self, stage: Stage | None) -> Mark:
        """Return the mark after a move to another stage."""
        return Mark.at(stage, deprecated=DEPRECATED in self.stages)


GONE = Mark()


@dataclass(frozen=True, slots=True)
class Step:
    """One tag to make; `stage` is "" where the action has none."""

    action: Action
    stage: str = ""


def steps(old: Mark, new: Mark) -> Iterator[Step]:
    """Yield the tags that lead from one mark to another, in order."""
    if new.registered and not old.registered:
        yield Step(Action.REGISTER)
    for stage in sorted(old.stages - new.stages):
        yield Step(Action.UNASSIGN, stage)
    for stage in sorted(new.stages - old.stages):
        yield Step(Action.ASSIGN, stage)
    if old.registered and not new.registered:
        yield Step(Action.DEREGISTER)


def after(mark: Mark, step: Step) -> Mark:
    """Return what a version's tags say once a step's tag exists."""
    match step.action:
        case Action.REGISTER:
            return Mark(True, mark.stages)
        case Action.DEREGISTER:
            return Mark(False, mark.stages)
        case Action.ASSIGN:
            return Mark(mark.registered, mark.stages | {step.stage})
        case Action.UNASSIGN:
            return Mark(mark.registered, mark.stages - {step.stage})
        case Action.DEPRECATE:
            return mark
