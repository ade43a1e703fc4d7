"""Guesses a signature from an input example, to compare with one logged before.

JSON distinguishes numbers with and without a fraction, texts and truth values, and no more. For
what it does not distinguish (long and integer, text and datetime) the type logged before is kept,
as are outputs and parameters, of which an example says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from registry.domain.signature import Field, Signature


class JsonKind(StrEnum):
    """The kind of a column of JSON values."""

    BOOLEAN = "boolean"
    LONG = "long"
    DOUBLE = "double"
    STRING = "string"


_SAME = {
    JsonKind.BOOLEAN: {"boolean"},
    JsonKind.LONG: {"long", "integer"},
    JsonKind.DOUBLE: {"double", "float"},
    JsonKind.STRING: {"string", "datetime", "binary"},
}
"""MLflow's types that a JSON value may stand for."""


class ExampleUnreadableError(ValueError):
    """An example's columns cannot be identified."""


def columns_of(example: object) -> dict[str, JsonKind]:
    """Return the columns of a data frame as MLflow stores it, with their kinds, in order.

    Args:
        example: parsed JSON: `{"columns": [...], "data": [[...], ...]}`.

    Raises:
        ExampleUnreadableError: it is something else, or a column's kind cannot be identified.
    """
    if isinstance(example, Mapping) and isinstance(example.get("inputs"), Mapping):
        example = example["inputs"]  # beside "params"
    if not isinstance(example, Mapping):
        raise ExampleUnreadableError("it is not a table with named columns")
    names, rows = example.get("columns"), example.get("data")
    if not isinstance(names, list) or not isinstance(rows, list) or not rows:
        raise ExampleUnreadableError("it is not a table with named columns")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise ExampleUnreadableError("its rows and its columns differ in length")
    return {str(name): _kind(str(name), [row[at] for row in rows]) for at, name in enumerate(names)}


def infer(before: Signature, columns: Mapping[str, JsonKind]) -> Signature:
    """Return the signature of an example with these columns."""
    known = {field.name: field for field in before.inputs}
    inputs = []
    for name, kind in columns.items():
        was = known.get(name)
        if was is not None and was.type in _SAME[kind]:
            inputs.append(was)
        else:
            inputs.append(Field(name, kind.value, required=was.required if was else True))
    return Signature(tuple(inputs), before.outputs, before.params)


def _kind(name: str, values: Sequence[Any]) -> JsonKind:
    kinds = {_kind_of(name, value) for value in values if value is not None}
    if kinds == {JsonKind.LONG, JsonKind.DOUBLE}:
        return JsonKind.DOUBLE
    if len(kinds) != 1:
        raise ExampleUnreadableError(
            f"its column {name[:40]} holds {'nothing' if not kinds else 'values of several kinds'}"
        )
    return kinds.pop()


def _kind_of(name: str, value: object) -> JsonKind:
    match value:
        case bool():
            return JsonKind.BOOLEAN
        case int():
            return JsonKind.LONG
        case float():
            return JsonKind.DOUBLE
        case str():
            return JsonKind.STRING
        case _:
            raise ExampleUnreadableError(f"its column {name[:40]} holds nested values")
