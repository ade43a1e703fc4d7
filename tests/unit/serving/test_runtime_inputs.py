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
UNNAMED = Signature(columns=tuple(Column("", ColumnType.DOUBLE, label=i) for i in range(2)))
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


def test_columns_without_names_take_the_clients_or_those_of_the_metadata() -> None:
    by_client = assemble(UNNAMED, Rows([[1, 2]], ["a", "b"]))
    assert isinstance(by_client, pd.DataFrame)
    assert list(by_client.columns) == ["a", "b"]
    assert UNNAMED.input_names == ("input-0", "input-1")
    listed = assemble(UNNAMED, Tensors({"input-1": [2.0], "input-0": [1.0]}))
    assert isinstance(listed, pd.DataFrame)
    assert listed.to_dict("list") == {0: [1.0], 1: [2.0]}


def test_a_value_deeper_than_64_lists_is_refused() -> None:
    def nested(depth: int) -> list[object]:
        found: list[object] = []
        for _ in range(depth):
            found = [found]
        return found

    assert isinstance(assemble(NOTHING, Named({"x": [nested(50)]})), pd.DataFrame)
    with pytest.raises(ProblemError, match="at most 64 lists"):
        assemble(NOTHING, Named({"x": [nested(70)]}))
