"""What an honest model is, and the small tables that they are fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

ROWS = 120


class Data(StrEnum):
    """What a model is fitted on; those to tell a number aside, there are two classes."""

    NUMERIC = "numeric"
    MIXED = "mixed"
    MIXED_NUMBERS = "mixed, to tell a number"
    TEXT = "text"
    WORDS = "words"
    REGRESSION = "regression"
    ONE_COLUMN = "one column"


@dataclass(frozen=True, slots=True, eq=False)
class Honest:
    """One model that must be let through.

    Attributes:
        name: of the row, as a test shows it.
        data: what it is fitted on.
        build: makes the unfitted model.
        in_skops: skops itself can write it; False where it takes no cycles.
    """

    name: str
    data: Data
    build: Callable[[], Any]
    in_skops: bool = True


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
        case Data.MIXED | Data.MIXED_NUMBERS:
            city = np.where(y == 1, "Berlin", rng.choice(["Oslo", "Århus"], ROWS))
            size = rng.choice(["S", "M", "L"], ROWS)
            mixed = x[["a", "b"]].assign(city=city, size=size)
            mixed.loc[::9, "b"] = np.nan
            answer = y if data is Data.MIXED else np.exp(x["a"].to_numpy())
            return mixed.astype({"city": object, "size": object}), answer
        case Data.TEXT | Data.WORDS:
            words = np.where(y == 1, "the delivery was quick", "it broke and came late")
            notes = pd.Series(words, name="note") + rng.choice([" again", " today", ""], ROWS)
            if data is Data.WORDS:
                return notes, np.where(y == 1, "praise", "complaint")
            return notes.to_frame(), y
