from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from compliance.checks import fairness, performance, provenance, robustness, safety
from compliance.checks.check import NoParams
from compliance.checks.fairness import GapParams
from compliance.checks.robustness import NoiseParams
from compliance.domain.facts import Evaluation, Lineage, Probe, Scan, Task
from compliance.domain.result import Outcome, ramp
from registry.lineage.domain.completeness import Origins, completeness
from tests.unit.compliance.kit import NOTHING, classification, context, regression

RNG = np.random.default_rng(3)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    expected = binomtest(*case).proportion_ci(0.95, "wilson")
    assert performance.wilson(*case) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5))
def test_a_ramp_stays_in_bounds_and_ends_at_one(value: float, floor: float, target: float) -> None:
    assert 0 <= ramp(value, floor, target) <= 1
    assert ramp(target, floor, target) == 1


def test_accuracy_is_graded_by_its_lower_bound_not_by_its_value() -> None:
    labels = np.array([1] * 41 + [0] * 9)
    right = performance.accuracy(
        performance.AccuracyParams(), context(classification(labels, [1] * 50))
    )
    assert right.outcome is Outcome.FAIL  # 0.82, but of 50 rows
    many = performance.accuracy(
        performance.AccuracyParams(), context(classification(np.tile(labels, 200), [1] * 10_000))
    )
    assert many.outcome is Outcome.PASS


def test_always_answering_the_commonest_class_is_not_enough() -> None:
    labels = np.array([1] * 9000 + [0] * 1000)
    found = performance.beats_majority(NoParams(), context(classification(labels, np.ones(10_000))))
    assert found.outcome is Outcome.FAIL


def test_the_interval_of_r2_covers_the_truth_about_as_often_as_it_says() -> None:
    truth, hits, rounds = 0.5, 0, 400
    for _ in range(rounds):
        signal = RNG.normal(size=300)
        labels = signal + RNG.normal(size=300)
        _value, low, high = performance.r2_interval(labels, signal)
        hits += low <= truth <= high
    assert hits / rounds > 0.90


def test_labels_that_do_not_vary_are_no_evidence() -> None:
    found = performance.r2(performance.R2Params(), context(regression(np.ones(50), np.ones(50))))
    assert found.outcome is Outcome.INSUFFICIENT


@pytest.mark.parametrize(
    ("rule", "params"),
    [
        (performance.accuracy, performance.AccuracyParams()),
        (performance.r2, performance.R2Params()),
        (fairness.selection_rate_gap, GapParams()),
        (robustness.noise, NoiseParams()),
    ],
)
def test_without_evidence_a_rule_is_insufficient_and_says_what_to_do(rule, params) -> None:  # type: ignore[no-untyped-def]
    found = rule(params, context(NOTHING))
    assert (found.outcome, found.score) == (Outcome.INSUFFICIENT, 0.0)
    assert "acgs evidence add" in found.fix


def biased(gap: float, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    groups = np.repeat(["a", "b"], n)
    labels = RNG.integers(0, 2, 2 * n)
    rate = np.where(groups == "a", 0.5 + gap / 2, 0.5 - gap / 2)
    return labels, (RNG.random(2 * n) < rate).astype(int), groups


def test_point_gaps_agree_with_fairlearn() -> None:
    labels, predictions, groups = biased(0.1, 3000)
    case = context(classification(labels, predictions, {"g": groups}))
    selected = fairness.selection_rate_gap(GapParams(), case).details["g"]
    offered = fairness.equal_opportunity_gap(GapParams(), case).details["g"]
    assert isinstance(selected, dict)
    assert isinstance(offered, dict)
    options = {"y_true": labels, "y_pred": predictions, "sensitive_features": groups}
    assert selected["gap"] == pytest.approx(demographic_parity_difference(**options))
    assert offered["gap"] == pytest.approx(equal_opportunity_difference(**options))


@pytest.mark.parametrize(("gap", "outcome"), [(0.0, Outcome.PASS), (0.25, Outcome.FAIL)])
def test_with_2500_rows_per_group_fair_passes_and_unfair_fails(
    gap: float, outcome: Outcome
) -> None:
    labels, predictions, groups = biased(gap, 2500)
    case = context(classification(labels, predictions, {"g": groups}))
    assert fairness.selection_rate_gap(GapParams(), case).outcome is outcome


def test_a_gap_that_cannot_be_told_from_the_limit_does_not_pass() -> None:
    labels, predictions, groups = biased(0.09, 400)
    found = fairness.selection_rate_gap(
        GapParams(), context(classification(labels, predictions, {"g": groups}))
    )
    assert found.outcome is Outcome.FAIL
    assert found.interval is not None
    assert found.interval[1] > 0.10


def test_a_small_group_is_insufficient_evidence_and_is_named() -> None:
    labels, predictions, groups = biased(0.0, 1000)
    groups[:20] = "c"
    found = fairness.selection_rate_gap(
        GapParams(), context(classification(labels, predictions, {"g": groups}))
    )
    assert (found.outcome, found.score) == (Outcome.INSUFFICIENT, 0.0)
    assert "c n=20" in found.observed


def test_one_group_alone_is_insufficient_evidence() -> None:
    labels, predictions, _groups = biased(0.0, 500)
    found = fairness.selection_rate_gap(
        GapParams(), context(classification(labels, predictions, {"g": ["all"] * 1000}))
    )
    assert found.outcome is Outcome.INSUFFICIENT


def test_without_sensitive_attributes_fairness_does_not_apply() -> None:
    found = fairness.selection_rate_gap(GapParams(), context(classification([0, 1], [0, 1])))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_an_unknown_favourable_class_is_an_error() -> None:
    case = classification([0, 1], [0, 1], {"g": ["a", "b"]}, positive=None)
    assert fairness.selection_rate_gap(GapParams(), context(case)).outcome is Outcome.ERROR


def test_the_same_seed_gives_the_same_interval() -> None:
    labels, predictions, groups = biased(0.05, 1000)
    case = context(classification(labels, predictions, {"g": groups}))
    first, again = (fairness.selection_rate_gap(GapParams(), case) for _ in range(2))
    assert first == again


def test_noise_keeps_dtypes_and_leaves_text_and_flags_alone() -> None:
    frame = pd.DataFrame(
        {
            "x": RNG.normal(size=500),
            "age": RNG.integers(18, 80, 500),
            "flag": RNG.random(500) < 0.5,
            "town": ["a", "b"] * 250,
        }
    )
    (first, *_rest) = robustness.add_noise(NoiseParams(), frame, 1)
    rows = frame.iloc[first.rows].reset_index(drop=True)
    assert list(first.frame.dtypes) == list(frame.dtypes)
    assert first.frame["flag"].equals(rows["flag"])
    assert first.frame["town"].equals(rows["town"])
    assert not first.frame["x"].equals(rows["x"])
    assert not first.frame["age"].equals(rows["age"])


_BIG = 2**63 - 1


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 255] * 200, dtype=np.uint8),
        np.array([-128, 127] * 200, dtype=np.int8),
        np.array([0, 65535] * 200, dtype=np.uint16),
        np.array([0, 2**64 - 1] * 200, dtype=np.uint64),
        np.array([-_BIG, _BIG] * 200, dtype=np.int64),
        np.array([0.0, 3.4e38] * 200, dtype=np.float32),
        np.array([0.0, 1.0, np.nan, np.inf] * 100, dtype=np.float64),
        np.array([0.0, 65504.0] * 200, dtype=np.float16),
        np.array([-1.7e308, 1.7e308] * 200, dtype=np.float64),
        np.full(400, np.nan),
        np.full(400, _BIG),
        np.array([1] * 400, dtype=np.int8),
    ],
    ids=lambda values: f"{values.dtype}-{values[0]}",
)
def test_noise_neither_wraps_nor_leaves_the_type(values: np.ndarray) -> None:
    frame = pd.DataFrame({0: values, "flag": [True] * 400})
    for probe in robustness.add_noise(NoiseParams(noise_sd_fraction=1.0), frame, 1):
        noisy, before = probe.frame[0].to_numpy(), values[probe.rows]
        assert noisy.dtype == values.dtype
        assert np.array_equal(np.isfinite(noisy), np.isfinite(before))
        if values.dtype.kind in "iu":
            assert values.min() <= noisy.min()
            assert noisy.max() <= values.max()


def test_noise_on_large_whole_numbers_keeps_the_digits_it_does_not_change() -> None:
    # Their spread is small, so a noisy one differs in the last digits alone.
    frame = pd.DataFrame({"id": 2**62 + np.arange(1000)})
    (first, *_rest) = robustness.add_noise(NoiseParams(), frame, 1)
    differences = first.frame["id"].to_numpy() - frame["id"].to_numpy()[first.rows]
    assert 0 < np.abs(differences).max() < 100


def test_pixels_are_as_noisy_in_8_bits_as_in_32() -> None:
    pixels = np.where(
        RNG.random(1000) < 0.5, RNG.integers(0, 40, 1000), RNG.integers(215, 256, 1000)
    )
    narrow, wide = (
        robustness.add_noise(NoiseParams(), pd.DataFrame({"p": pixels.astype(kind)}), 1)[0]
        for kind in ("uint8", "int32")
    )
    assert narrow.frame["p"].tolist() == wide.frame["p"].tolist()


def test_a_million_rows_in_a_thousand_groups_are_compared_in_seconds() -> None:
    rows = 1_000_000
    labels = RNG.integers(0, 2, rows)
    case = classification(labels, labels, {"region": RNG.integers(0, 1000, rows).astype(str)})
    started = time.perf_counter()
    found = fairness.selection_rate_gap(GapParams(), context(case))
    assert time.perf_counter() - started < 30
    assert "and 990 more" in found.observed


def test_many_classes_need_no_table_of_all_of_them() -> None:
    many = np.arange(200_000.0)
    case = Evaluation(Task.CLASSIFICATION, many, many, classes=("x",) * 200_000)
    found = performance.accuracy(performance.AccuracyParams(), context(case))
    assert found.outcome is Outcome.PASS
    assert "confusion" not in found.details


def test_a_group_of_few_rows_is_counted_and_not_named() -> None:
    groups = ["f"] * 300 + ["m"] * 300 + ["Mrs Smith"] * 3
    case = classification([0, 1] * 301 + [0], [0, 1] * 301 + [0], {"sex": groups})
    found = fairness.selection_rate_gap(GapParams(), context(case))
    assert found.observed == "sex: (unnamed) n=3"


@pytest.mark.parametrize("size", [1e200, 1e308])
def test_errors_too_large_to_be_squared_are_an_error_not_a_crash(size: float) -> None:
    labels = RNG.uniform(-1, 1, 100)
    found = performance.r2(performance.R2Params(), context(regression(labels, labels * size)))
    assert found.outcome is Outcome.ERROR


def test_answers_that_flip_under_noise_fail() -> None:
    rows = np.arange(100)
    probe = Probe(rows, np.array([1.0] * 70 + [0.0] * 30))
    case = classification(np.ones(100), np.ones(100), probes=(probe,))
    found = robustness.noise(NoiseParams(), context(case))
    assert (found.outcome, found.score) == (Outcome.FAIL, 0.0)


def test_a_steady_regression_passes() -> None:
    labels = RNG.normal(size=100)
    probe = Probe(np.arange(100), labels + 0.01)
    found = robustness.noise(NoiseParams(), context(regression(labels, labels, (probe,))))
    assert found.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("lineage", "score", "word"),
    [
        (Lineage("r", "d", "c"), 1.0, "run"),
        (Lineage("r", "d", ""), 2 / 3, "no git commit"),
        (Lineage("", "", ""), 0.0, "no run, no dataset digest, no git commit"),
    ],
)
def test_lineage_names_what_is_unknown(lineage: Lineage, score: float, word: str) -> None:
    found = provenance.lineage(provenance.LineageParams(), context(lineage=lineage))
    assert found.score == pytest.approx(score)
    assert word in found.observed


@pytest.mark.parametrize(
    ("least", "outcome", "score"),
    [(0.0, Outcome.PASS, 1.0), (0.66, Outcome.PASS, 1.0), (0.67, Outcome.FAIL, 4 / 6)],
)
def test_a_constitution_can_ask_for_a_complete_origin(
    least: float, outcome: Outcome, score: float
) -> None:
    origin = completeness(Origins("r", "d", "c", parent="credit 1.0.0"))
    found = provenance.lineage(
        provenance.LineageParams(min_completeness=least),
        context(lineage=Lineage("r", "d", "c", origin)),
    )
    assert found.outcome is outcome
    assert found.score == pytest.approx(score)
    if outcome is Outcome.FAIL:
        assert "unknown are logged model, signature" in found.observed
        assert "infer_signature" in found.fix


@pytest.mark.parametrize(
    ("known", "word", "outcome"),
    [
        (None, "git commit 000000000000 (claimed)", Outcome.FAIL),
        (False, "git commit 000000000000 (not in the repository)", Outcome.FAIL),
        (True, "git commit 000000000000 (in the repository)", Outcome.PASS),
    ],
)
def test_what_nobody_checked_of_an_origin_is_called_a_claim(
    known: bool | None, word: str, outcome: Outcome
) -> None:
    lineage = Lineage("r", "1" * 32, "0" * 40, commit_is_known=known)
    lenient = provenance.lineage(provenance.LineageParams(), context(lineage=lineage))
    strict = provenance.lineage(
        provenance.LineageParams(commit_in_repository=True), context(lineage=lineage)
    )
    assert lenient.outcome is Outcome.PASS
    assert lenient.observed == f"run r, dataset digest {'1' * 12} (claimed), {word}"
    assert strict.outcome is outcome
    assert word in strict.observed


def test_a_signature_needs_inputs_and_outputs() -> None:
    found = provenance.signature(NoParams(), context(signature_outputs=0))
    assert (found.outcome, found.score) == (Outcome.FAIL, 0.5)


def test_blanks_are_no_documentation() -> None:
    found = provenance.documentation(
        provenance.DocumentationParams(), context(description=" \n" * 100)
    )
    assert found.outcome is Outcome.FAIL


def test_one_violation_makes_an_artifact_unsafe() -> None:
    found = safety.safe_artifact(
        NoParams(), context(scan=Scan(("model.pkl: global os.system",), 3))
    )
    assert (found.outcome, found.score) == (Outcome.FAIL, 0.0)
    assert "os.system" in found.observed
