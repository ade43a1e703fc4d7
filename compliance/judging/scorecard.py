"""Builds the machine-readable scorecard: the same bytes for the same inputs.

No time, duration, host or run id: those belong to the record around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from compliance.constitution.constitution_file import Policy
from compliance.domain.facts import Facts, Missing
from compliance.domain.result import JsonValue
from compliance.evidence.catalogue import Binding
from compliance.judging.scoring import Graded, PrincipleScore, Score
from registry.domain.reasons import Reason
from registry.domain.values import Enforcement, Stage, Verdict

SCHEMA = "acgs.scorecard/v1"
ENGINE = (
    "acgs-mlops",
    "mlflow",
    "scikit-learn",
    "numpy",
    "pandas",
    "pyarrow",
    "skops",
    "picklescan",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """The context in which a version is judged.

    Attributes:
        judged_as: name whose rules and evidence apply.
        evidence_digest: of the binding in force, as the registry computes it.
    """

    judged_as: str
    target: Stage
    manifest_digest: str
    evidence_digest: str
    enforcement: Enforcement
    binding: Binding | None


def build(policy: Policy, setting: Setting, facts: Facts, score: Score) -> dict[str, Any]:
    """Return the scorecard as JSON values."""
    metadata = policy.constitution.metadata
    evaluation = facts.evaluation
    binding = setting.binding
    return {
        "schema": SCHEMA,
        "subject": {
            "name": facts.name,
            "semver": facts.semver,
            "judged_as": setting.judged_as,
            "manifest_digest": setting.manifest_digest,
        },
        "target": setting.target.value,
        "task": facts.task.value if facts.task else None,
        "score": float(score.score),
        "min_score": score.min_score,
        "passed": score.passed,
        "vetoes": [graded.rule.id for graded in score.vetoes],
        "enforcement": setting.enforcement.value,
        "approvals_needed": policy.constitution.bar(setting.target).approvals_needed,
        "constitution": {
            "name": metadata.name,
            "version": metadata.version,
            "constitutional_hash": metadata.constitutional_hash,
            "digest": policy.digest,
        },
        "evidence": {
            "digest": setting.evidence_digest,
            "binding": binding.model_dump(mode="json") if binding else None,
            "rows": None if isinstance(evaluation, Missing) else evaluation.n,
        },
        "principles": [_principle(p, policy) for p in score.principles],
        "engine": dict(engine()),
        "confinement": list(facts.confinement),
    }


@cache
def engine() -> dict[str, str]:
    """Return the versions of the software that judged."""
    return {name: version(name) for name in ENGINE}


def _principle(scored: PrincipleScore, policy: Policy) -> dict[str, Any]:
    principle = scored.principle
    return {
        "id": principle.id,
        "title": principle.title,
        "weight": principle.weight,
        "share": float(scored.share),
        "score": None if scored.score is None else float(scored.score),
        "labels": list(principle.labels),
        "rules": [_rule(graded, policy) for graded in scored.rules],
    }


def _rule(graded: Graded, policy: Policy) -> dict[str, Any]:
    rule, result = graded.rule, graded.result
    return {
        "id": rule.id,
        "check": rule.check,
        "mode": rule.mode.value,
        "params": dict(policy.judges[rule.id].params),
        "outcome": result.outcome.value,
        "score": result.score,
        "observed": result.observed,
        "expected": result.expected,
        "fix": graded.fix,
        "n": result.n,
        "interval": finite(list(result.interval)) if result.interval else None,
        "details": finite(dict(result.details)),
    }


def finite(value: JsonValue) -> JsonValue:
    """Replace numbers that JSON does not have (NaN, infinities) by null."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def to_verdict(document: Mapping[str, Any], report_run_id: str | None = None) -> Verdict:
    """Read a verdict from its scorecard."""
    return Verdict(
        score=float(document["score"]),
        passed=bool(document["passed"]),
        enforcement=Enforcement(document["enforcement"]),
        approvals_needed=int(document["approvals_needed"]),
        reasons=tuple(Reason(**reason) for reason in document["reasons"]),
        manifest_digest=str(document["subject"]["manifest_digest"]),
        constitution_digest=str(document["constitution"]["digest"]),
        evidence_digest=str(document["evidence"]["digest"]),
        document=dict(document),
        report_run_id=report_run_id,
    )
