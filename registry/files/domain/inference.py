"""A signature guessed from an input example, for comparison with one that was logged before.

JSON tells numbers with and without a fraction, texts and truth values apart, and no more. What it
cannot tell apart (long and integer, text and datetime) is taken as it was before; outputs and
parameters, of which an example says nothing, are taken as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from registry.domain.signature import Field, Signature


class JsonKind(StrEnum):
    """What a column of JSON values is."""

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
    """An example from which no columns can be told."""


def columns_of(example: object) -> dict[str, JsonKind]:
    """Return the columns of a data frame as MLflow stores it, with their kinds, in order.

    Args:
        example: parsed JSON: `{"columns": [...], "data": [[...], ...]}`.

    Raises:
        ExampleUnreadableError: it is something else, or a column's kind cannot be told.
    """
    if isinstance(example, Mapping) and isinstance(example.get("inputs"), Mapping):
        example = example["inputs"]  # beside "params"
    if not isinstance(example, Mapping):
        raise ExampleUnreadableError("it is no table with named columns")
    names, rows = example.get("columns"), example.get("data")
    if not isinstance(names, list) or not isinstance(rows, list) or not rows:
        raise ExampleUnreadableError("it is no table with named columns")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise ExampleUnreadableError("its rows and its columns differ in length")
    return {str(name): _kind(str(name), [row[at] for row in rows]) for at, name in enumerate(names)}


def infer(before: Signature, columns: Mapping[str, JsonKind]) -> Signature:
    """Return the signature that an example with these columns stands for."""
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
