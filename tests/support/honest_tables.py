"""Small tables that honest models are fitted on."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

ROWS = 120


class Data(StrEnum):
    """What a model is fitted on; all but the last two have two classes."""

    NUMERIC = "numeric"
    MIXED = "mixed"
    TEXT = "text"
    WORDS = "words"
    REGRESSION = "regression"
    ONE_COLUMN = "one column"


@cache
def table(data: Data) -> tuple[Any, Any]:
    """Return features and target: small, the same each time, and easy to learn from."""
    rng = np.random.default_rng(7)
    x = pd.DataFrame(rng.normal(size=(ROWS, 4)), columns=["a", "b", "c", "d"])
    y = (x["a"] + 0.5 * x["b"] > 0).astype(int).to_numpy()
    match data:
        case Data.NUMERIC:
            return x, y
        case Data.REGRESSION:
            return x.abs(), np.exp(x["a"].to_numpy()) + 1.0
        case Data.ONE_COLUMN:
            return x[["a"]], np.exp(x["a"].to_numpy())
        case Data.MIXED:
            city = np.where(y == 1, "Berlin", rng.choice(["Oslo", "Århus"], ROWS))
            size = rng.choice(["S", "M", "L"], ROWS)
            mixed = x[["a", "b"]].assign(city=city, size=size)
            mixed.loc[::9, "b"] = np.nan
            return mixed.astype({"city": object, "size": object}), y
        case Data.TEXT | Data.WORDS:
            words = np.where(y == 1, "the delivery was quick", "it broke and came late")
            notes = pd.Series(words, name="note") + rng.choice([" again", " today", ""], ROWS)
            if data is Data.WORDS:
                return notes, np.where(y == 1, "praise", "complaint")
            return notes.to_frame(), y
