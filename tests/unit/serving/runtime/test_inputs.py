"""Inputs of models that declare little: what numpy and pandas would guess is guessed exactly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from serving.runtime.inputs import assemble
from serving.runtime.payload import Named, Payload, Records, Rows, Tensors
from serving.runtime.problem import ProblemError
from serving.runtime.signature import Column, ColumnType, Signature, Tensor

BIG = 2**53 + 1
NOTHING = Signature()
FITTED = Signature(columns=tuple(Column("", ColumnType.OTHER, label=i) for i in range(2)))
NUMBERS = Signature(
    columns=(
        Column("id", ColumnType.LONG, label="id"),
        Column("amount", ColumnType.DOUBLE, label="amount"),
        Column("more", ColumnType.DOUBLE, required=False, label="more"),
    ),
    named=True,
)
MIDDLE = Signature(
    columns=(
        Column("a", ColumnType.DOUBLE, label="a"),
        Column("b", ColumnType.DOUBLE, required=False, label="b"),
        Column("c", ColumnType.DOUBLE, label="c"),
        Column("d", ColumnType.DOUBLE, required=False, label="d"),
    ),
    named=True,
)
UNNAMED = Signature(columns=tuple(Column("", ColumnType.DOUBLE, label=i) for i in range(2)))
MIXED = Signature(
    columns=(Column("", ColumnType.DOUBLE, label=0), Column("", ColumnType.LONG, label=1))
)
TEXTS = Signature(columns=(Column("", ColumnType.STRING, label=0),), hinted=True)
ARRAYS = Signature(tensors=(Tensor("a", "int64", (-1,)), Tensor("b", "float64", (-1,))))


@pytest.mark.parametrize(
    ("signature", "payload"),
    [
        (NOTHING, Rows([[BIG, 0.5]])),
        (NOTHING, Rows([[BIG, None]])),
        (NOTHING, Rows([[0.5, float("inf")]])),
        (NOTHING, Rows([[BIG], [0.5]], ["x"])),
        (NOTHING, Rows([[1, 2]], ["x", "x"])),
        (NOTHING, Named({"x": [BIG, None]})),
        (NOTHING, Named({"x": [[1.0, float("inf")]]})),
        (NOTHING, Records([{"x": {"y": float("-inf")}}])),
        (FITTED, Rows([[BIG, 1], [0.5, 1]])),
        (NUMBERS, Rows([[1, 0.5, 1, 1]])),
        (NUMBERS, Rows([[1]], ["id"])),
        (NUMBERS, Records([{"id": 1, "amount": 2}, {"id": 1, "amount": 2, "more": 3}])),
        (NUMBERS, Named({"id": [1, 2], "amount": [1.0]})),
        (UNNAMED, Named({"a": [1], "b": [2]})),
        (UNNAMED, Rows([[1, 2]], ["a", "a"])),
        (UNNAMED, Rows([[1, 2]], ["a", "b"])),
        (UNNAMED, Rows([[1, 2]], ["input-0", "0"])),
        (UNNAMED, Rows([[1, 2]], ["input-0", "input-0"])),
        (UNNAMED, Named({"0": [1], "input-0": [2]})),
        (UNNAMED, Named({"0": [1], "2": [2]})),
        (FITTED, Rows([[1, 2]], ["age", "income"])),
        (FITTED, Records([{"age": 1, "income": 2}])),
        (MIDDLE, Rows([[1.0, 2.0]])),
        (MIDDLE, Rows([[1.0, 2.0, 3.0, 4.0, 5.0]])),
        (TEXTS, Rows([["a", "b"]])),
        (TEXTS, Named({"x": ["a"], "y": ["b"]})),
        (ARRAYS, Records([{"a": 1, "b": 1}, {"a": 1, "b": 1, "c": 1}])),
        (ARRAYS, Named({"a": [1], "c": [1]})),
        (ARRAYS, Rows([[1, 2]])),
    ],
)
def test_what_would_be_rounded_dropped_or_guessed_is_refused(
    signature: Signature, payload: Payload
) -> None:
    with pytest.raises(ProblemError) as caught:
        assemble(signature, payload)
    assert caught.value.status == 400


@pytest.mark.parametrize("rows", [[[BIG, 1]], [[2**63, -1]], [[2**70, 1]], [[-(2**63), 2**63 - 1]]])
def test_whole_numbers_without_a_signature_stay_what_they_are(rows: list[object]) -> None:
    found = assemble(NOTHING, Rows(rows))
    assert isinstance(found, np.ndarray)
    assert found.tolist() == rows
    assert found.dtype.kind in "iO"


def test_booleans_beside_numbers_keep_a_column_of_their_own() -> None:
    found = assemble(NOTHING, Rows([[True, 2], [False, 3]]))
    assert isinstance(found, pd.DataFrame)
    assert [str(t) for t in found.dtypes] == ["bool", "int64"]
    assert assemble(NOTHING, Rows([[True], [False]])).dtype == bool  # type: ignore[attr-defined]


def test_a_bare_array_is_handed_over_only_where_it_holds_every_number() -> None:
    small = assemble(NUMBERS, Rows([[1, 0.5, 2]]), bare=True)
    assert isinstance(small, np.ndarray)
    large = assemble(NUMBERS, Rows([[BIG, 0.5, 2]]), bare=True)
    assert isinstance(large, pd.DataFrame)
    assert large["id"].tolist() == [BIG]


def test_optional_columns_may_be_left_out_by_place_or_by_name() -> None:
    for payload in (Rows([[1, 0.5]]), Rows([[0.5, 1]], ["amount", "id"])):
        found = assemble(NUMBERS, payload)
        assert isinstance(found, pd.DataFrame)
        assert found.to_dict("list") == {"id": [1], "amount": [0.5]}


def test_optional_columns_without_names_are_those_at_the_end() -> None:
    found = assemble(MIDDLE, Rows([[1.0, 2.0, 3.0]]))
    assert isinstance(found, pd.DataFrame)
    assert found.to_dict("list") == {"a": [1.0], "b": [2.0], "c": [3.0]}
    with pytest.raises(ProblemError, match="with names, optional columns may be left out"):
        assemble(MIDDLE, Rows([[1.0, 3.0]]))


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("signature", [UNNAMED, FITTED, MIXED])
@pytest.mark.parametrize(
    "payload",
    [
        Rows([[1.0, 2]]),
        Rows([[1.0, 2]], ["input-0", "input-1"]),
        Rows([[2, 1.0]], ["input-1", "input-0"]),
        Rows([[2, 1.0]], ["1", "0"]),
        Rows([[2, 1.0]], ["1", "input-0"]),
        Records([{"input-1": 2, "input-0": 1.0}]),
        Records([{"1": 2, "0": 1.0}]),
        Named({"input-1": [2], "input-0": [1.0]}),
        Named({"1": [2], "0": [1.0]}),
        Tensors({"input-1": [2], "input-0": [1.0]}),
        Tensors({"x": [[1.0, 2]]}),
    ],
)
def test_names_decide_where_columns_have_only_numbers(
    signature: Signature, payload: Payload, bare: bool
) -> None:
    assert UNNAMED.input_names == ("input-0", "input-1")
    found = assemble(signature, payload, bare=bare and signature is not FITTED)
    if isinstance(found, np.ndarray):
        found = pd.DataFrame(found)
    assert isinstance(found, pd.DataFrame)
    assert found.to_dict("list") == {0: [1.0], 1: [2]}


@pytest.mark.parametrize("signature", [UNNAMED, MIXED, MIDDLE])
@pytest.mark.parametrize("names", [False, True])
def test_an_array_lies_in_memory_as_mlflows_table_does(signature: Signature, names: bool) -> None:
    width = len(signature.columns)
    rows = [[float(row + at) for at in range(width)] for row in range(3)]
    listed = list(signature.input_names)
    payload = Rows([row[::-1] for row in rows], listed[::-1]) if names else Rows(rows)
    for bare in (True, False):
        found = assemble(signature, payload, bare=bare)
        assert isinstance(found, np.ndarray | pd.DataFrame)
        array = np.asarray(found)
        assert array.tolist() == rows
        assert array.flags.f_contiguous


def test_a_value_deeper_than_64_lists_is_refused() -> None:
    def nested(depth: int) -> list[object]:
        found: list[object] = []
        for _ in range(depth):
            found = [found]
        return found

    assert isinstance(assemble(NOTHING, Named({"x": [nested(50)]})), pd.DataFrame)
    with pytest.raises(ProblemError, match="at most 64 lists"):
        assemble(NOTHING, Named({"x": [nested(70)]}))
