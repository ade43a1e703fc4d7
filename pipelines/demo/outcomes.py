"""Records expected and found outcomes of the story."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Outcome:
    """One expected outcome, and what was found.

    Attributes:
        what: in a few words.
        expected, found: for people.
        right: whether it happened.
    """

    what: str
    expected: str
    found: str
    right: bool


@dataclass(slots=True)
class Outcomes:
    """All outcomes so far, in order."""

    all: list[Outcome] = field(default_factory=list)

    def check(self, what: str, *, expected: str, found: str, right: bool) -> Outcome:
        """Record one outcome and return it."""
        outcome = Outcome(what, expected, found, right)
        self.all.append(outcome)
        return outcome

    def equal(self, what: str, expected: object, found: object) -> Outcome:
        """Record an outcome that is right when both are equal."""
        return self.check(what, expected=str(expected), found=str(found), right=expected == found)

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        """Return the outcomes that were wrong."""
        return tuple(outcome for outcome in self.all if not outcome.right)
