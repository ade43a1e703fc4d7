"""May this artifact be loaded at all?"""

from __future__ import annotations

from compliance.rules.checks import Check, Context
from compliance.rules.performance import NoParams
from compliance.rules.result import Outcome, RuleResult, failed_with

SHOWN = 3


def safe_artifact(_params: NoParams, context: Context) -> RuleResult:
    """Pass when every file, and every global a pickle names, is on the allow-list."""
    scan = context.facts.scan
    expected = "only files and globals on the allow-list"
    if scan.violations:
        more = len(scan.violations) - SHOWN
        shown = "; ".join(scan.violations[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
        return failed_with(
            Outcome.FAIL,
            shown,
            expected,
            "log the plain scikit-learn estimator with mlflow.sklearn.log_model, without code",
        )
    return RuleResult(Outcome.PASS, 1.0, f"{scan.files} files, nothing else", expected)


SAFE_ARTIFACT = Check("safety.artifact", NoParams, safe_artifact)
