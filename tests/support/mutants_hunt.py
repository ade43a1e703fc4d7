"""Makes every change of every estimator, or of those named, and prints what was found.

Run it when scikit-learn, numpy or scipy get newer, or when a rule of the judge changes:

    python -m tests.support.mutants_hunt [NAME ...]
"""

from __future__ import annotations

import sys

from tests.support.configured_estimators import CONFIGURED
from tests.support.fitted_estimators import ESTIMATORS
from tests.support.mutants_runner import Runner


def main(names: list[str]) -> int:
    """Return how many estimators something was found of."""
    runner, bad = Runner(), 0
    for name in names or [*sorted(set(ESTIMATORS) - {"HDBSCAN"}), *CONFIGURED]:
        seen = runner.ask(name)
        bad += bool(seen["found"])
        print(f"{name}: {seen['made']} changes, {seen['passed']} pass", *seen["found"], sep="\n  ")
    runner.close()
    return bad


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
