"""Generates a seeded world of credit applications, in which a model can be unfair.

The world, per applicant (one row; every column is float64 unless said otherwise):

    age               years, whole, in [18, 80]
    employment_years  years, in [0, 45]; at most age - 18
    income            currency units per year, > 0; log-normal, median about 37,000
    debt_ratio        yearly debt service / income, in [0, 1.5]
    late_payments     count in the last two years, >= 0
    region_index      in [0, 1]; says nothing about repayment, but correlates with `group`
                      (about 0.73): the proxy through which a biased label leaks into a model
    group             "A" or "B" (40 % B), str; sensitive, never a model input
    repaid            0 or 1, int64; the truth. Depends on the columns above except region_index
                      and group, with interactions that a linear model cannot express
    approved_by_officer  0 or 1, int64; the historical decision, made by people who looked at the
                      same file and then marked group B down

Both groups have the same features and the same chance to repay, so a model of the truth has no
reason to treat them differently, and a model of the history has no honest way to look equal.

Live traffic comes from the same world, with one change: since the upstream feed was migrated, the
income service times out for about 2 % of requests and `income` arrives empty. No row of the
training or holdout data has an empty income, so no offline check can see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEATURES = (
    "income",
    "debt_ratio",
    "employment_years",
    "late_payments",
    "age",
    "region_index",
)
SENSITIVE = "group"
LABEL = "repaid"
HISTORICAL_LABEL = "approved_by_officer"

SHARE_OF_GROUP_B = 0.4
LIVE_NULL_INCOME_SHARE = 0.02
_LIVE_STREAM = 3
"""Keeps live rows apart from the training (1) and holdout (2) streams of the same seed."""

_OFFICER_PENALTY = 5.5
"""Log-odds that an application of group B lost on the officer's desk."""


def applications(rows: int, *, seed: int, stream: int) -> pd.DataFrame:
    """Draw applications with their true and historical labels.

    Values are rounded as a bank's files are, which also keeps the digest of the rows the same on
    machines whose floating-point libraries differ in the last bit.

    Args:
        rows: how many, >= 1.
        seed: names the world.
        stream: independent draws of the same world: 1 training, 2 holdout, 3 live.

    Returns:
        `rows` rows with the columns of the module's description, in that order of meaning:
        features, `group`, `repaid`, `approved_by_officer`.
    """
    import pandas as pd

    rng = np.random.default_rng([seed, stream])
    in_b = rng.random(rows) < SHARE_OF_GROUP_B
    region = np.clip(rng.normal(np.where(in_b, 0.62, 0.36), 0.12), 0, 1).round(3)
    age = np.clip(rng.normal(42, 12, rows), 18, 80).round(0)
    employment = np.clip((age - 18) * rng.beta(2, 3, rows), 0, 45).round(1)
    income = np.exp(rng.normal(10.45 + 0.008 * employment, 0.42)).round(2)
    debt = np.clip(rng.gamma(3.2, 0.12, rows), 0, 1.5).round(3)
    late = rng.poisson(np.exp(-0.2 + 0.6 * (debt - 0.38))).astype(np.float64)

    merit = _log_odds_of_repayment(income, debt, employment, late, age)
    repaid = rng.random(rows) < _logistic(merit)
    opinion = 0.9 * merit + 1.0 - _OFFICER_PENALTY * in_b
    approved = rng.random(rows) < _logistic(opinion)
    return pd.DataFrame(
        {
            "income": income,
            "debt_ratio": debt,
            "employment_years": employment,
            "late_payments": late,
            "age": age,
            "region_index": region,
            SENSITIVE: np.where(in_b, "B", "A"),
            LABEL: repaid.astype(np.int64),
            HISTORICAL_LABEL: approved.astype(np.int64),
        }
    )


def live_requests(rows: int, *, seed: int) -> pd.DataFrame:
    """Draw requests to an endpoint: features only, `income` empty (NaN) in about 2 % of rows."""
    drawn = applications(rows, seed=seed, stream=_LIVE_STREAM)[list(FEATURES)]
    lost = np.random.default_rng([seed, _LIVE_STREAM, 1]).random(rows) < LIVE_NULL_INCOME_SHARE
    drawn.loc[lost, "income"] = np.nan
    return drawn


def _log_odds_of_repayment(
    income: NDArray[np.float64],
    debt: NDArray[np.float64],
    employment: NDArray[np.float64],
    late: NDArray[np.float64],
    age: NDArray[np.float64],
) -> NDArray[np.float64]:
    rich = (income - 41_000) / 19_000
    indebted = (debt - 0.38) / 0.21
    tardy = (late - 0.9) / 0.98
    settled = (employment - 9.6) / 7.3
    middle = (age - 42) / 12
    linear = 2.4 + 2.1 * rich - 3.0 * indebted - 2.6 * tardy + 1.0 * settled + 0.3 * middle
    # Late payments weigh more under debt and less with a steady job; a high income softens debt;
    # the very young and the very old repay less. A straight line can say none of this.
    crossed = -1.5 * indebted * tardy + 1.0 * rich * indebted + 0.9 * settled * tardy
    return np.asarray(1.6 * (linear + crossed - 0.5 * middle**2), dtype=np.float64)


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -60, 60))), dtype=np.float64)
