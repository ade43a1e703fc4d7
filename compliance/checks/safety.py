"""Checks whether a model's files may be loaded."""

from __future__ import annotations

from compliance.checks.check import Check, Context, NoParams
from compliance.domain.result import Outcome, RuleResult, failed_with

SHOWN = 3
_FIX = (
    "log the fitted estimator with mlflow.sklearn.log_model, without code: scikit-learn in pickle, "
    "cloudpickle or skops can pass; no other library can yet (docs/reference/model-files.md)"
)


def safe_artifact(_params: NoParams, context: Context) -> RuleResult:
    """Pass when every file, and every value in the model file, is what scikit-learn needs."""
    scan = context.facts.scan
    expected = "only files and values that a scikit-learn model needs"
    if scan.violations:
        more = len(scan.violations) - SHOWN
        shown = "; ".join(scan.violations[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
        return failed_with(
            Outcome.FAIL,
            shown,
            expected,
            _FIX,
        )
    return RuleResult(Outcome.PASS, 1.0, f"{scan.files} files, nothing else", expected)


SAFE_ARTIFACT = Check("safety.artifact", NoParams, safe_artifact)
