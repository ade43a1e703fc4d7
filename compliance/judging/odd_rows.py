"""Makes rows of a kind that a holdout may lack: missing values, unknown texts, extreme numbers.

Some steps of a model run only for such rows, such as an imputer's own models. A server will be sent
them, so that a model which crashes on them must not pass; one that answers an error may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    found = (_changed(features, cell) for cell in (_missing, _unknown, _least, _most))
    return [frame for frame in found if frame is not None]


def _changed(features: pd.DataFrame, cell: _Cell) -> pd.DataFrame | None:
    cells = {
        position: value
        for position in range(features.shape[1])
        if (value := cell(features.iloc[:, position])) is not _NOT_CHANGED
    }
    if not cells:
        return None
    chosen = [*cells]
    if len(chosen) > MOST_COLUMNS:
        steps = np.linspace(0, len(chosen) - 1, MOST_COLUMNS).astype(int)
        chosen = [chosen[step] for step in steps]
    size = len(chosen) + 1
    frame = features.iloc[np.arange(size) % len(features)].reset_index(drop=True)
    columns = {}
    for position in range(features.shape[1]):
        column = frame.iloc[:, position].copy()
        if position in cells:
            column.iloc[size - 1] = cells[position]
        if position in chosen:
            column.iloc[chosen.index(position)] = cells[position]
        columns[position] = column
    import pandas as pd

    made = pd.concat(columns, axis=1)
    made.columns = features.columns
    return made


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
