"""Makes rows of a kind that a holdout may lack: missing values, unknown texts, extreme numbers.

Some steps of a model run only for such rows, such as an imputer's own models. A server will be sent
them, so that a model which crashes on them must not pass; one that answers an error may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS = 256
"""Columns that are changed, evenly chosen among more."""
UNKNOWN = "no such value"
# Within single precision, to which many models convert: a larger one is refused before anything.
LARGE = 1e38

_Cell = Callable[["pd.Series"], object]
_NOT_CHANGED = object()


def odd_rows(features: pd.DataFrame) -> Sequence[pd.DataFrame]:
    """Return a frame for each kind of change: one row for each column, and one for all of them.

    Columns keep their types, so that every row is one which the signature allows: whole numbers
    and truth values are never missing.
    """
    if features.empty:
        return ()
    size = min(features.shape[1], MOST_COLUMNS) + 1
    rows = features.iloc[np.arange(size) % len(features)].reset_index(drop=True)
    columns = [rows.iloc[:, position] for position in range(rows.shape[1])]
    found = []
    for cell in (_missing, _unknown, _least, _most):
        cells = {position: cell(column) for position, column in enumerate(columns)}
        changes = {at: value for at, value in cells.items() if value is not _NOT_CHANGED}
        if changes:
            frame = _changed(columns, changes)
            frame.columns = features.columns
            found.append(frame)
    return found


def _changed(columns: Sequence[pd.Series], cells: Mapping[int, object]) -> pd.DataFrame:
    import pandas as pd

    steps = np.linspace(0, len(cells) - 1, min(len(cells), MOST_COLUMNS)).astype(int)
    changed = np.array([*cells])[steps].tolist()
    last = len(changed)
    row_of = {position: row for row, position in enumerate(changed)}
    made = {}
    for position, column in enumerate(columns):
        values: Any = column.array[: last + 1].copy()
        if position in cells:
            values[last] = cells[position]
        if position in row_of:
            values[row_of[position]] = cells[position]
        made[position] = pd.Series(values, dtype=column.dtype)  # a text stays what it was
    return pd.DataFrame(made)


def _missing(column: pd.Series) -> object:
    dtype = column.dtype
    if not isinstance(dtype, np.dtype):
        return dtype.na_value
    if dtype.kind == "f":
        return float("nan")
    if dtype.kind == "M":
        return np.datetime64("NaT")
    return None if dtype.kind == "O" else _NOT_CHANGED


def _unknown(column: pd.Series) -> object:
    import pandas as pd

    is_text = isinstance(column.dtype, pd.StringDtype) or (
        column.dtype == object and any(isinstance(value, str) for value in column.head(100))
    )
    return UNKNOWN if is_text else _NOT_CHANGED


def _least(column: pd.Series) -> object:
    return _extreme(column, upper=False)


def _most(column: pd.Series) -> object:
    return _extreme(column, upper=True)


def _extreme(column: pd.Series, *, upper: bool) -> object:
    dtype = column.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iuf":
        return _NOT_CHANGED
    limits: Any = np.finfo(dtype.name) if dtype.kind == "f" else np.iinfo(dtype.name)
    if dtype.kind == "f":
        large = min(LARGE, float(limits.max))
        return large if upper else -large
    return int(limits.max if upper else limits.min)
