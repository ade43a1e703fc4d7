"""Checks V2 datatypes: refuses a value that its tensor's datatype cannot hold.

The datatype converts nothing. What the model gets is the type of its own signature.
"""

from __future__ import annotations

import math

import numpy as np

from serving.runtime import cells
from serving.runtime.answers import NUMPY_TO_V2
from serving.runtime.cells import MisfitError
from serving.runtime.problem import bad_request, kind_of

_DTYPES = {v2: np.dtype(name) for name, v2 in NUMPY_TO_V2.items()}
DATATYPES = frozenset({*_DTYPES, "BYTES"})


def check_datatype(datatype: str, name: str, flat: list[object], lengths: list[int]) -> None:
    """Check a tensor's data; null stands for a missing value.

    Raises:
        ProblemError: 400, naming the first value that does not fit.
    """
    present = [value for value in flat if value is not None] if None in flat else flat
    if not present:
        return
    try:
        if datatype in ("FP64", "FP32", "FP16"):
            cells.check_range(present, _DTYPES[datatype])
        elif datatype == "BYTES":
            cells.each(present, cells.text)
        elif datatype == "BOOL":
            cells.booleans(present)
        else:
            cells.wholes(present, _DTYPES[datatype])
    except MisfitError as err:
        index = [i for i, value in enumerate(flat) if value is not None][err.index]
        row, place = divmod(index, math.prod(lengths[1:]))
        column = repr(name) if math.prod(lengths[1:]) == 1 else f"{place} of {name!r}"
        raise bad_request(
            f"row {row}, column {column}: expected {err.expected} ({datatype}), "
            f"found {kind_of(flat[index])}"
        ) from None
