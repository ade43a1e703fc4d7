"""Tells a request whose value a model takes none of from a model that fails.

scikit-learn refuses missing numbers, and numbers beyond what a model calculates with, by an error
of the model. Where the request really holds such a value, the client is told which one it is.
"""

from __future__ import annotations

from types import TracebackType

import numpy as np
import numpy.typing as npt
import pandas as pd

from serving.runtime.problem import ProblemError, bad_request, kind_of
from serving.runtime.signature import Signature

_CHECK = "sklearn.utils.validation"
_LARGEST = float(np.finfo(np.float32).max)
"""What scikit-learn's trees and some others calculate with, whatever they are sent."""


def refused_value(err: BaseException, data: object, signature: Signature) -> ProblemError | None:
    """Return a 400 that names the first value scikit-learn's own check refused, if there is one.

    Args:
        err: what the model raised.
        data: what the model was handed.
        signature: names the columns of an array.
    """
    if not isinstance(err, ValueError) or _raised_in(err.__traceback__) != _CHECK:
        return None
    text = str(err)
    if "contains NaN" in text:
        expected, looks_wrong = "a value, since the model takes no missing ones", _missing
    elif "contains infinity" in text or "too large for dtype" in text:
        expected, looks_wrong = f"a number of 32 bits (at most {_LARGEST:.4g})", _too_large
    else:
        return None
    columns = _columns(data, signature)
    masks = [looks_wrong(values) for _name, values in columns]
    if not masks:
        return None
    rows, places = np.nonzero(np.column_stack(masks))
    if not len(rows):
        return None
    row, (name, values) = int(rows[0]), columns[places[0]]
    found = values[row]
    shown = "null" if looks_wrong is _missing else kind_of(float(found))
    return bad_request(
        f"row {row}, column {name!r}: expected {expected}, found {shown}; {signature.describe()}"
    )


def _raised_in(trace: TracebackType | None) -> str:
    """Return the name of the module in which an error was raised."""
    module = ""
    while trace is not None:
        module, trace = str(trace.tb_frame.f_globals.get("__name__")), trace.tb_next
    return module


def _columns(data: object, signature: Signature) -> list[tuple[str, npt.NDArray[np.generic]]]:
    """Return the columns of a table or an array, by name; none of anything else."""
    if isinstance(data, pd.DataFrame):
        return [(str(name), items.to_numpy()) for name, items in data.items()]
    if not isinstance(data, np.ndarray) or data.ndim != 2:
        return []
    names = [column.name or str(column.label) for column in signature.columns]
    known = names if len(names) == data.shape[1] else map(str, range(data.shape[1]))
    return list(zip(known, data.T, strict=True))


def _missing(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    return np.asarray(pd.isna(values))


def _too_large(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    if values.dtype.kind not in "fiu":
        return np.zeros(len(values), dtype=bool)
    sizes = np.abs(values.astype(np.float64))
    found: npt.NDArray[np.bool_] = np.isfinite(sizes) & (sizes > _LARGEST)
    return found
