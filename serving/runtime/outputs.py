"""Normalises a model's answer to one of the shapes that the protocols can carry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np
import pandas as pd

from serving.runtime.answers import (
    datatype_of,
    plain,
    plain_cells,
    series_values,
)
from serving.runtime.body import HALF_PAIR
from serving.runtime.problem import model_failed


@dataclass(frozen=True, slots=True)
class Output:
    """One array, or one column of a table.

    Attributes:
        name: empty where the model gave none.
        datatype: V2's name of the type.
        values: row by row, in JSON's own types; None where a value is missing.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: list[object]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number; a missing one is none."""
        if self.datatype in ("BYTES", "BOOL"):
            return False
        return None not in self.values

    def nested(self) -> list[object]:
        """Return the values as nested lists of the shape."""
        found = self.values
        for length in reversed(self.shape[1:]):
            count = len(found) // length if length else prod(self.shape[:-1])
            found = [found[at * length : (at + 1) * length] for at in range(count)]
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length."""

    columns: tuple[Output, ...]
    rows: int


Prediction = Output | Table | str | bytes | dict[str, object]


def normalise(raw: object) -> Prediction:
    """Normalise a model's answer.

    Raises:
        ProblemError: 500, the model answered with something that no protocol carries.
    """
    if isinstance(raw, np.ndarray):
        return _array(np.atleast_1d(raw))
    if isinstance(raw, pd.DataFrame):
        named = zip(raw.columns, range(raw.shape[1]), strict=True)
        outputs = [_series(raw.iloc[:, index], str(name)) for name, index in named]
        return Table(tuple(outputs), len(raw))
    if isinstance(raw, pd.Series):
        return _series(raw, "")
    if isinstance(raw, pd.Index):
        return _series(raw.to_series(), "")
    if isinstance(raw, str | bytes):
        return raw
    if isinstance(raw, dict):
        named_values = {str(name): value for name, value in raw.items()}
        if len(named_values) != len(raw):
            raise model_failed("the model answered with an object whose keys are equal as text")
        return named_values
    if hasattr(raw, "toarray"):  # scipy's sparse matrices
        return _array(np.asarray(raw.toarray()))
    if isinstance(raw, list | tuple):
        return _list(raw)
    if isinstance(raw, pd.api.extensions.ExtensionArray):
        return _series(pd.Series(raw), "")
    if isinstance(raw, int | float | np.generic):
        return _array(np.atleast_1d(np.asarray(raw)))
    raise model_failed(
        f"expected the model to return an array, a table, a list or text; found {type(raw)}"
    )


def _array(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Output:
    datatype, values = plain_cells(array)
    return Output("", datatype or datatype_of(values), array.shape, values)


def _series(series: pd.Series, name: str) -> Output:
    datatype, values = plain_cells(series_values(series))
    return Output(name, datatype or datatype_of(values), (len(values),), values)


def _list(raw: list[object] | tuple[object, ...]) -> Output:
    """Convert a list to an array; numpy alone would turn numbers beside text into text."""
    level: list[object] = [plain(item) for item in raw]
    shape = [len(level)]
    while level and set(map(type, level)) == {list}:
        lists = [item for item in level if isinstance(item, list)]
        if len(set(map(len, lists))) != 1:
            break
        shape.append(len(lists[0]))
        level = list(chain.from_iterable(lists))
    return Output("", datatype_of(level), tuple(shape), level)


def outputs_of(prediction: Prediction, declared: tuple[str, ...]) -> list[Output]:
    """Return an answer as V2 outputs: one for each column of a table or array of an object.

    Args:
        prediction: the normalised answer.
        declared: names of the signature's outputs; a lone answer takes a lone one.

    Raises:
        ProblemError: 500, the answer holds something that JSON cannot.
    """
    lone = declared[0] if len(declared) == 1 else "predict"
    match prediction:
        case Table(columns):
            return list(columns)
        case Output(_, datatype, shape, values):
            return [Output(lone, datatype, shape, values)]
        case dict() if declared and prediction.keys() == set(declared):
            return [_named(name, normalise(_boxed(prediction[name]))) for name in declared]
        case dict() if prediction and all(
            isinstance(value, np.ndarray | pd.Series) for value in prediction.values()
        ):
            return [_named(name, normalise(value)) for name, value in prediction.items()]
        case dict():
            return [Output(lone, "BYTES", (1,), [to_json(plain(prediction)).decode()])]
        case bytes():
            return [Output(lone, "BYTES", (1,), [plain(prediction)])]
        case str():
            return [Output(lone, "BYTES", (1,), [prediction])]


def _boxed(value: object) -> object:
    """Turn one value into an array of one, and a table into an array of rows."""
    if isinstance(value, pd.DataFrame):
        return plain(value)
    extension = pd.api.extensions.ExtensionArray
    many = isinstance(value, list | tuple | np.ndarray | pd.Series | pd.Index | extension)
    return value if many or hasattr(value, "toarray") else [value]


def _named(name: str, found: Prediction) -> Output:
    assert isinstance(found, Output)
    return Output(name, found.datatype, found.shape, found.values)


def to_json(message: object) -> bytes:
    """Serialise JSON values.

    Raises:
        ProblemError: 500, the model's answer holds something that JSON cannot.
    """
    try:
        written = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
        if HALF_PAIR.search(written):
            json.dumps(message, ensure_ascii=False).encode()
        return written
    except (ValueError, TypeError, RecursionError) as err:
        raise model_failed(f"the model's answer cannot be written as JSON: {err}") from err
