"""What a model returned, in one of the few shapes that the protocols can carry."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from serving.runtime.columns import Array
from serving.runtime.problem import model_failed


@dataclass(frozen=True, slots=True)
class Prediction:
    """A normalised answer.

    Attributes:
        value: an array, or a str, bytes or dict as the model returned it.
        names: column names, when the model returned a table.
    """

    value: Array | str | bytes | dict[str, object]
    names: list[str] = field(default_factory=list)


def normalise(raw: object) -> Prediction:
    """Bring a model's answer into protocol shape.

    Raises:
        ProblemError: 500, the model answered with something that no protocol carries.
    """
    if isinstance(raw, pd.DataFrame):
        return Prediction(raw.to_numpy(), [str(name) for name in raw.columns])
    if isinstance(raw, pd.Series):
        return Prediction(np.asarray(raw.to_numpy()))
    if isinstance(raw, np.ndarray):
        return Prediction(np.atleast_1d(raw))
    if isinstance(raw, str | bytes):
        return Prediction(raw)
    if isinstance(raw, dict):
        return Prediction({str(name): value for name, value in raw.items()})
    if hasattr(raw, "toarray"):  # scipy's sparse matrices
        return Prediction(np.asarray(raw.toarray()))
    if isinstance(raw, list | tuple | int | float | bool | np.generic):
        try:
            return Prediction(np.atleast_1d(np.asarray(raw)))
        except ValueError:  # rows of unequal length
            return Prediction(np.array([*_items(raw)], dtype=object))
    raise model_failed(
        f"expected the model to return an array, a table, a list or text; found {type(raw)}"
    )


def _items(raw: object) -> list[object]:
    return list(raw) if isinstance(raw, list | tuple) else [raw]


def to_json(message: object) -> bytes:
    """Write JSON; NaN and infinity, which JSON lacks, become null.

    Raises:
        ProblemError: 500, the model's answer holds something that JSON cannot.
    """
    try:
        return json.dumps(message, allow_nan=False, default=_plain, separators=(",", ":")).encode()
    except (ValueError, TypeError):
        pass
    try:
        return json.dumps(_finite(message), allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as err:
        raise model_failed(f"the model's answer cannot be written as JSON: {err}") from err


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, pd.Series | pd.DataFrame):
        return value.to_numpy().tolist()
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return _finite(_plain(value))
