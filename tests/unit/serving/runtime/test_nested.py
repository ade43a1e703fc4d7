"""The cells of lists and objects follow the rules of plain columns, and refusals name the place."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from serving.runtime.inputs import assemble
from serving.runtime.payload import Named, Payload, Records, Rows, Tensors
from serving.runtime.problem import ProblemError
from serving.runtime.signature import (
    Anything,
    ArrayOf,
    Column,
    ColumnType,
    MapOf,
    NestedType,
    ObjectOf,
    Property,
    Signature,
)

BIG = 2**53 + 1
DAY = "2024-05-01T12:00:00.123456789"
NANOSECONDS = 1714564800123456789
LONGS = ArrayOf(ColumnType.LONG)


def signature(declared: NestedType, required: bool = True) -> Signature:
    return Signature(
        columns=(
            Column("x", ColumnType.OTHER, required, "x", declared),
            Column("d", ColumnType.DOUBLE, label="d"),
        ),
        named=True,
    )


def one(declared: NestedType, name: str = "k", required: bool = True) -> ObjectOf:
    return ObjectOf((Property(name, declared, required),))


@pytest.mark.parametrize(
    ("declared", "sent", "seen"),
    [
        (LONGS, [1, 2.0, BIG], [1, 2, BIG]),
        (LONGS, [], []),
        (ArrayOf(ColumnType.INTEGER), [1], [1]),
        (ArrayOf(ColumnType.DOUBLE), [1, 0.1], [1.0, 0.1]),
        (ArrayOf(ColumnType.DOUBLE), [None, 0.1], [math.nan, 0.1]),
        (ArrayOf(ColumnType.FLOAT), [0.1], [float(np.float32(0.1))]),
        (ArrayOf(ColumnType.BOOLEAN), [True, None, 1], [True, None, True]),
        (ArrayOf(ColumnType.STRING), ["a", None], ["a", None]),
        (ArrayOf(ColumnType.STRING), [None, None], [None, None]),
        (ArrayOf(ColumnType.BINARY), ["AAEC", None], [b"\0\1\2", None]),
        (ArrayOf(ColumnType.DATETIME), [DAY, None], [NANOSECONDS, None]),
        (ArrayOf(LONGS), [[1], []], [[1], []]),
        (ArrayOf(Anything()), [1, None, "a", [True]], [1, None, "a", [True]]),
        (ArrayOf(Anything()), None, None),
        (one(ColumnType.LONG), {"k": BIG}, {"k": BIG}),
        (one(ColumnType.BINARY), {"k": "AAEC"}, {"k": b"\0\1\2"}),
        (one(ColumnType.DATETIME), {"k": DAY}, {"k": pd.Timestamp(DAY)}),
        (one(ColumnType.STRING), {"k": None}, {"k": None}),
        (one(ColumnType.LONG, required=False), {"k": None}, {"k": None}),
        (one(ColumnType.LONG, required=False), {}, {}),
        (one(LONGS, required=False), {"k": None}, {"k": None}),
        (ArrayOf(one(ColumnType.STRING)), [{"k": None}], [{"k": None}]),
        (MapOf(ColumnType.BOOLEAN), {"a": True, "b": None}, {"a": True, "b": None}),
        (MapOf(ColumnType.DATETIME), {"a": DAY}, {"a": pd.Timestamp(DAY)}),
        (MapOf(LONGS), {"a": [1]}, {"a": [1]}),
        (MapOf(ColumnType.LONG), {}, {}),
    ],
)
def test_a_nested_cell_is_read_as_one_of_a_plain_column_is(
    declared: NestedType, sent: object, seen: object
) -> None:
    payloads: list[Payload] = [
        Rows([[sent, 0.5]]),
        Rows([[0.5, sent]], ["d", "x"]),
        Records([{"d": 0.5, "x": sent}]),
        Named({"x": [sent], "d": [0.5]}),
    ]
    for payload in payloads:
        found = assemble(signature(declared), payload)
        assert isinstance(found, pd.DataFrame)
        assert repr(_plain(found["x"].iloc[0])) == repr(seen)


def _plain(value: object) -> object:
    """Python's own types of numpy's scalars, which MLflow hands over in objects."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def test_an_optional_nested_column_may_be_null_or_missing() -> None:
    found = assemble(signature(LONGS, required=False), Records([{"x": None, "d": 1.0}]))
    assert isinstance(found, pd.DataFrame)
    assert found["x"].iloc[0] is None
    assert list(assemble(signature(LONGS, required=False), Named({"d": [1]}))) == ["d"]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("declared", "sent", "told"),
    [
        (LONGS, [1, 1.5], "at [1]: expected a whole number of 64 bits (long), found number 1.5"),
        (LONGS, [None], "at [0]: expected a whole number of 64 bits (long), found null"),
        (LONGS, [float(2**53)], "at [0]: expected a whole number of 64 bits"),
        (LONGS, 5, "column 'x': expected a list, found number 5"),
        (LONGS, None, "column 'x': expected a list, found null"),
        (ArrayOf(ColumnType.INTEGER), [2**31], "at [0]: expected a whole number of 32 bits"),
        (ArrayOf(ColumnType.DOUBLE), [BIG], "at [0]: expected a number that float64 holds"),
        (ArrayOf(ColumnType.DOUBLE), [True], "at [0]: expected a number"),
        (ArrayOf(ColumnType.FLOAT), [16777217.0], "at [0]: expected a number that float32 holds"),
        (ArrayOf(ColumnType.BOOLEAN), [[1]], "at [0]: expected true or false"),
        (ArrayOf(ColumnType.BOOLEAN), ["true"], "at [0]: expected true or false"),
        (ArrayOf(ColumnType.STRING), [1], "at [0]: expected a string"),
        (ArrayOf(ColumnType.BINARY), ["ä"], "at [0]: expected a base64 string"),
        (ArrayOf(ColumnType.DATETIME), ["9999-12-31"], "at [0]: expected a date and time that"),
        (ArrayOf(ColumnType.DATETIME), [5], "at [0]: expected a date and time such as"),
        (ArrayOf(LONGS), [[1], ["a"]], "at [1][0]: expected a whole number"),
        (ArrayOf(Anything()), [float("inf")], "[0]: expected a finite number".replace("[0]", "")),
        (one(ColumnType.LONG), {"k": 1.5}, "at ['k']: expected a whole number"),
        (one(ColumnType.LONG), {"k": None}, "at ['k']: expected a whole number"),
        (one(ColumnType.LONG), {}, "['k'] missing"),
        (one(ColumnType.LONG), {"k": 1, "z": 1}, "found ['z'] beside them"),
        (one(ColumnType.LONG), [1], "column 'x': expected an object, found list of 1"),
        (one(LONGS), {"k": [1, "a"]}, "at ['k'][1]: expected a whole number"),
        (MapOf(ColumnType.LONG), {"a": True}, "at ['a']: expected a whole number"),
        (MapOf(ColumnType.FLOAT), {"a": 1e308}, "at ['a']: expected a number in the range"),
        (MapOf(one(ColumnType.DATETIME)), {"a": {"k": "soon"}}, "at ['a']['k']: expected a date"),
    ],
)
def test_a_refusal_names_row_column_and_place(
    declared: NestedType, sent: object, told: str
) -> None:
    fits: object = {} if isinstance(declared, MapOf) else []
    rows: list[object] = (
        [[sent, 0.5]] if isinstance(declared, ObjectOf) else [[fits, 0.5], [sent, 0.5]]
    )
    with pytest.raises(ProblemError) as caught:
        assemble(signature(declared), Rows(rows))
    assert caught.value.status == 400
    assert told in caught.value.info
    assert f"row {len(rows) - 1}, column 'x'" in caught.value.info


def test_a_row_of_a_tensor_is_one_list_where_lists_are_declared() -> None:
    lone = Signature(columns=(Column("x", ColumnType.OTHER, label="x", nested=LONGS),), named=True)
    for values in ([[1, 2]], [[1], [2]], [[1]]):
        found = assemble(lone, Tensors({"x": values}))  # type: ignore[dict-item]
        assert isinstance(found, pd.DataFrame)
        assert found["x"].tolist() == values
    with pytest.raises(ProblemError, match="expected a list, found number 1"):
        assemble(lone, Tensors({"x": [1, 2]}))


def test_a_lone_tensor_of_all_columns_does_not_bear_the_name_of_one() -> None:
    columns = tuple(Column(name, ColumnType.DOUBLE, label=name) for name in "ab")
    table = Signature(columns=columns, named=True)
    found = assemble(table, Tensors({"x": [[1.0, 2.0]]}))
    assert isinstance(found, pd.DataFrame)
    assert found.to_dict("list") == {"a": [1.0], "b": [2.0]}
    with pytest.raises(ProblemError, match="has a name of its own"):
        assemble(table, Tensors({"b": [[1.0, 2.0]]}))
