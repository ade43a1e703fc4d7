"""Computes a score and a decision from rule results. Pure, exact and repeatable.

Sums run over fractions, so that 0.95 is reached or it is not, whatever the order of adding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from compliance.constitution.document import Mode, Principle, Rule, exact
from compliance.domain.facts import Task
from compliance.domain.result import Outcome, RuleResult
from registry.domain.reasons import Reason
from registry.domain.values import Stage


@dataclass(frozen=True, slots=True)
class Graded:
    """A rule with its answer."""

    rule: Rule
    result: RuleResult

    @property
    def counts(self) -> bool:
        """Whether the rule stays in the denominator; all do but "not applicable" ones."""
        return self.result.outcome is not Outcome.NOT_APPLICABLE

    @property
    def vetoes(self) -> bool:
        """Whether the rule is a gate that did not pass."""
        return self.rule.mode is Mode.GATE and self.counts and not self.passed

    @property
    def passed(self) -> bool:
        """Whether what was expected was found."""
        return self.result.outcome is Outcome.PASS

    def reason(self) -> Reason:
        """Return the failure as a reason on which the version's owner can act."""
        prefix = "" if self.result.outcome is Outcome.FAIL else f"{self.result.outcome}: "
        return Reason(
            rule=self.rule.id,
            expected=self.result.expected,
            found=prefix + self.result.observed,
            fix=self.fix or "see the report",
        )

    @property
    def fix(self) -> str:
        """Return what to do: the constitution's words if the rule failed, else the cause's own."""
        if self.result.outcome is Outcome.FAIL:
            return self.rule.fix or self.result.fix
        return self.result.fix or self.rule.fix


@dataclass(frozen=True, slots=True)
class PrincipleScore:
    """A principle with its share of the score.

    Attributes:
        score: in [0, 1]; None when no rule applied.
        share: its weight after re-normalising, in [0, 1]; 0 when no rule applied.
    """

    principle: Principle
    score: Fraction | None
    share: Fraction
    rules: tuple[Graded, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The score, its parts and the decision.

    Attributes:
        score: weighted mean over the principles that apply, in [0, 1]; exact.
        passed: `score >= min_score` and no gate failed.
    """

    score: Fraction
    min_score: float
    passed: bool
    principles: tuple[PrincipleScore, ...]

    @property
    def vetoes(self) -> tuple[Graded, ...]:
        """Return the gates that failed."""
        return tuple(g for p in self.principles for g in p.rules if g.vetoes)

    def reasons(self) -> tuple[Reason, ...]:
        """Return every rule that applies and did not pass, gates first."""
        failed = [g for p in self.principles for g in p.rules if g.counts and not g.passed]
        return tuple(g.reason() for g in sorted(failed, key=lambda g: not g.vetoes))


def asked_for(principle: Principle, target: Stage) -> tuple[Rule, ...]:
    """Return the rules that a target stage asks for."""
    return tuple(rule for rule in principle.rules if target in rule.stages)


def applies(tasks: frozenset[Task], task: Task | None) -> bool:
    """Whether a rule applies to a task; to an unknown task everything does."""
    return task is None or task in tasks


def score(
    principles: Sequence[Principle],
    target: Stage,
    results: Mapping[str, RuleResult],
    min_score: float,
) -> Score:
    """Compute the weighted score.

    A rule without an answer scores zero like one that failed. A principle none of whose rules
    applies leaves its weight to the others, in proportion; when nothing at all applies the score
    is zero.

    Args:
        principles: with weights that add up to 1.
        target: stage that is asked for.
        results: rule id to its answer.
        min_score: in [0, 1]; compared unrounded.
    """
    drafts = [(p, _grade(asked_for(p, target), results)) for p in principles]
    live = sum(
        (Fraction(exact(p.weight)) for p, graded in drafts if any(g.counts for g in graded)),
        Fraction(0),
    )
    scored = []
    for principle, graded in drafts:
        mean = _mean(graded)
        share = Fraction(0) if mean is None else Fraction(exact(principle.weight)) / live
        scored.append(PrincipleScore(principle, mean, share, graded))
    total = sum((p.score * p.share for p in scored if p.score is not None), Fraction(0))
    answer = Score(total, min_score, passed=False, principles=tuple(scored))
    passed = live > 0 and total >= Fraction(exact(min_score)) and not answer.vetoes
    return Score(total, min_score, passed, tuple(scored))


def _grade(rules: Sequence[Rule], results: Mapping[str, RuleResult]) -> tuple[Graded, ...]:
    absent = RuleResult(Outcome.ERROR, 0.0, "no answer", "an answer", "report this")
    return tuple(Graded(rule, _sane(results.get(rule.id, absent))) for rule in rules)


def _sane(result: RuleResult) -> RuleResult:
    """Replace a self-contradictory answer by an error; NaN compares false here."""
    ends = {Outcome.PASS: 1.0, Outcome.ERROR: 0.0, Outcome.INSUFFICIENT: 0.0}
    fine = 0.0 <= result.score <= 1.0 and result.score == ends.get(result.outcome, result.score)
    if fine:
        return result
    found = f"{result.observed} (outcome {result.outcome} with score {result.score})"
    return RuleResult(Outcome.ERROR, 0.0, found, result.expected, "report this")


def _mean(graded: Sequence[Graded]) -> Fraction | None:
    counted = [g for g in graded if g.counts]
    if not counted:
        return None
    weights = [Fraction(exact(g.rule.weight)) for g in counted]
    total = sum(
        (w * Fraction(g.result.score) for w, g in zip(weights, counted, strict=True)), Fraction(0)
    )
    return total / sum(weights, Fraction(0))
