from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.constitution.document import Mode, Principle, Rule
from compliance.domain.result import Outcome, RuleResult, measured, not_applicable
from compliance.judging import scoring
from registry.domain.values import Stage


def rule(identifier: str, mode: Mode = Mode.SCORE) -> Rule:
    return Rule(id=identifier, check="any", mode=mode)


def principle(identifier: str, weight: float, *rules: Rule) -> Principle:
    return Principle(id=identifier, title=identifier, weight=weight, rules=rules)


def answer(score: float, outcome: Outcome | None = None) -> RuleResult:
    found = outcome or (Outcome.PASS if score == 1 else Outcome.FAIL)
    return RuleResult(found, score, "found", "expected", "fix")


results = st.one_of(
    st.floats(0, 1, allow_nan=False).map(answer),
    st.sampled_from([Outcome.ERROR, Outcome.INSUFFICIENT]).map(lambda o: answer(0.0, o)),
    st.just(not_applicable("why")),
)


@st.composite
def constitutions(draw: st.DrawFn) -> tuple[list[Principle], dict[str, RuleResult]]:
    parts = draw(st.lists(st.integers(1, 50), min_size=1, max_size=5))
    total = sum(parts)
    weights = [round(part / total, 4) for part in parts]
    principles, answers = [], {}
    for i, weight in enumerate(weights):
        names = [f"p{i}.r{j}" for j in range(draw(st.integers(1, 3)))]
        modes = draw(st.lists(st.sampled_from(Mode), min_size=len(names), max_size=len(names)))
        rules = [rule(name, mode) for name, mode in zip(names, modes, strict=True)]
        principles.append(principle(f"p{i}", max(weight, 0.0001), *rules))
        answers.update({name: draw(results) for name in names})
    return principles, answers


@given(constitutions(), st.floats(0, 1))
def test_the_score_lies_between_zero_and_one(
    case: tuple[Sequence[Principle], dict[str, RuleResult]], least: float
) -> None:
    found = scoring.score(*_args(case), least)
    assert 0 <= found.score <= 1
    assert found.passed == (
        any(g.counts for p in found.principles for g in p.rules)
        and found.score >= Fraction(str(least))
        and not found.vetoes
    )


@given(constitutions(), st.data())
def test_a_better_answer_never_lowers_the_score(
    case: tuple[Sequence[Principle], dict[str, RuleResult]], data: st.DataObject
) -> None:
    principles, answers = case
    name = data.draw(st.sampled_from(sorted(answers)))
    if answers[name].outcome is Outcome.NOT_APPLICABLE:
        return
    better = {**answers, name: answer(1.0)}
    before = scoring.score(*_args((principles, answers)), 0.5)
    after = scoring.score(*_args((principles, better)), 0.5)
    assert after.score >= before.score
    assert not (before.passed and not after.passed)


@given(constitutions())
def test_a_failed_gate_vetoes_whatever_the_mean_says(
    case: tuple[list[Principle], dict[str, RuleResult]],
) -> None:
    principles, answers = case
    gate = principle("gate", 0.01, rule("gate", Mode.GATE))
    found = scoring.score(
        [*principles, gate], Stage.PRODUCTION, {**answers, "gate": answer(0.5)}, 0
    )
    assert not found.passed
    assert "gate" in {graded.rule.id for graded in found.vetoes}


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.INSUFFICIENT])
def test_missing_evidence_counts_zero_and_stays_in_the_denominator(outcome: Outcome) -> None:
    principles = [principle("a", 0.5, rule("a")), principle("b", 0.5, rule("b"))]
    found = scoring.score(
        principles, Stage.STAGING, {"a": answer(1.0), "b": answer(0.0, outcome)}, 0
    )
    assert found.score == Fraction(1, 2)


def test_a_rule_without_an_answer_counts_zero() -> None:
    principles = [principle("a", 0.5, rule("a")), principle("b", 0.5, rule("b"))]
    found = scoring.score(principles, Stage.STAGING, {"a": answer(1.0)}, 0.6)
    assert found.score == Fraction(1, 2)
    assert [r.rule for r in found.reasons()] == ["b"]


def test_what_does_not_apply_leaves_its_weight_to_the_others() -> None:
    principles = [
        principle("a", 0.6, rule("a")),
        principle("b", 0.2, rule("b")),
        principle("c", 0.2, rule("c")),
    ]
    answers = {"a": answer(1.0), "b": answer(0.0), "c": not_applicable("no groups")}
    found = scoring.score(principles, Stage.STAGING, answers, 0)
    assert found.score == Fraction(3, 4)
    assert [p.share for p in found.principles] == [Fraction(3, 4), Fraction(1, 4), 0]


def test_nothing_that_applies_is_no_pass() -> None:
    found = scoring.score(
        [principle("a", 1.0, rule("a"))], Stage.STAGING, {"a": not_applicable("why")}, 0.0
    )
    assert found.score == 0
    assert not found.passed


def test_the_score_is_compared_unrounded() -> None:
    principles = [principle("a", 1.0, rule("a"))]
    almost = math.nextafter(0.95, 0)
    assert not scoring.score(principles, Stage.STAGING, {"a": answer(almost)}, 0.95).passed


def test_ten_tenths_are_one_exactly() -> None:
    principles = [principle(f"p{i}", 0.1, rule(f"r{i}")) for i in range(10)]
    answers = {f"r{i}": answer(1.0) for i in range(10)}
    found = scoring.score(principles, Stage.STAGING, answers, 1.0)
    assert found.passed
    assert found.score == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_an_error(value: float) -> None:
    found = measured(value, floor=0, target=1, observed="o", expected="e", fix="f", n=1)
    assert (found.outcome, found.score) == (Outcome.ERROR, 0.0)


@pytest.mark.parametrize("score", [math.nan, 1.5, -0.1])
def test_an_answer_with_an_impossible_score_is_an_error(score: float) -> None:
    principles = [principle("a", 1.0, rule("a"))]
    found = scoring.score(
        principles, Stage.STAGING, {"a": RuleResult(Outcome.PASS, score, "o", "e")}, 0.0
    )
    assert found.principles[0].rules[0].result.outcome is Outcome.ERROR


def _args(
    case: tuple[Sequence[Principle], dict[str, RuleResult]],
) -> tuple[Sequence[Principle], Stage, dict[str, RuleResult]]:
    return case[0], Stage.PRODUCTION, case[1]


@pytest.mark.parametrize(
    ("outcome", "fix"),
    [
        (Outcome.FAIL, "the constitution's"),
        (Outcome.INSUFFICIENT, "the cause's"),
        (Outcome.ERROR, "the cause's"),
    ],
)
def test_the_constitution_s_advice_is_for_a_rule_that_failed_not_for_one_that_could_not_measure(
    outcome: Outcome, fix: str
) -> None:
    advised = Rule(id="a", check="any", fix="the constitution's")
    result = RuleResult(outcome, 0.0, "found", "expected", "the cause's")
    assert scoring.Graded(advised, result).reason().fix == fix
