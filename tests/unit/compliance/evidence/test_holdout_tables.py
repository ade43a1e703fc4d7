"""A CSV and a Parquet file of the same table come out the same, or are refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.errors import EvidenceError
from compliance.evidence import holdout_columns, holdout_file

CANARY = "Mrs Smith-4711"


def tables(folder: Path, column: Any) -> dict[str, holdout_file.Table]:
    frame = pd.DataFrame({"c": column, "other": 1})
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    return {
        kind: holdout_file.read(folder / f"t.{kind}").knowing("c") for kind in ("csv", "parquet")
    }


def cells(table: holdout_file.Table, dtype: str) -> tuple[str, list[object]]:
    found = holdout_columns.typed(table, "c", np.dtype(dtype))
    return str(found.dtype), [None if pd.isna(value) else value for value in found.tolist()]


SAME: list[tuple[Any, str, list[object]]] = [
    (pd.Series(["NA", "None", "null", "nan", "01", "True", "1e5", "  x", "#N/A", "-", "é€"]), "str",
     ["NA", "None", "null", "nan", "01", "True", "1e5", "  x", "#N/A", "-", "é€"]),
    (pd.Series(['say "hi"', "a,b", "two\nlines", "tab\t"]), "str",
     ['say "hi"', "a,b", "two\nlines", "tab\t"]),
    (pd.Series(["a", None]), "str", ["a", None]),
    (pd.Series(["a", None], dtype="string"), "str", ["a", None]),
    (pd.Series(["b", "a"], dtype="category"), "str", ["b", "a"]),
    (pd.Series([1, 2], dtype="category"), "int64", [1, 2]),
    (pd.Series([1, 2]), "str", ["1", "2"]),
    (pd.Series([True, False]), "str", ["True", "False"]),
    (pd.Series([1.5, None]), "str", ["1.5", None]),
    (pd.Series([2**63 - 1, 2**53 + 1, -(2**63)]), "int64", [2**63 - 1, 2**53 + 1, -(2**63)]),
    (pd.Series([2**64 - 1], dtype="uint64"), "uint64", [2**64 - 1]),
    (pd.Series([2**53 + 1, 7], dtype="Int64"), "int64", [2**53 + 1, 7]),
    (pd.Series([0, 255], dtype="uint8"), "int32", [0, 255]),
    (pd.Series([1.0, -2.0]), "int64", [1, -2]),
    (pd.Series([1, None], dtype="Int64"), "float64", [1.0, None]),
    (pd.Series([0.1, 1e300, -0.0, np.inf, None]), "float64", [0.1, 1e300, -0.0, np.inf, None]),
    (pd.Series([0.1, None], dtype="float32"), "float32", [float(np.float32(0.1)), None]),
    (pd.Series([0.5, None], dtype="Float64"), "float64", [0.5, None]),
    (pd.Series([None, None], dtype="float64"), "float64", [None, None]),
    (pd.Series([None, None], dtype="object"), "float64", [None, None]),
    (pd.Series([None, None], dtype="object"), "str", [None, None]),
    (pd.Series([True, False]), "bool", [True, False]),
    (pd.Series([1, 0]), "bool", [True, False]),
    (pd.Series([True, None], dtype="boolean"), "bool", [True, None]),
    (pd.Series([pd.Timestamp("2020-01-31"), pd.Timestamp("1999-12-31 23:59:59.123456789"), None]),
     "datetime64[ns]",
     [pd.Timestamp("2020-01-31"), pd.Timestamp("1999-12-31 23:59:59.123456789"), None]),
]  # fmt: skip


@pytest.mark.parametrize("column, dtype, expected", SAME)  # noqa: PT006
def test_a_column_is_the_same_from_both_files(
    tmp_path: Path, column: Any, dtype: str, expected: list[object]
) -> None:
    found = {kind: cells(table, dtype) for kind, table in tables(tmp_path, column).items()}
    assert found["csv"] == found["parquet"]
    assert [repr(v) for v in found["csv"][1]] == [repr(v) for v in expected]


REFUSED: list[tuple[Any, str, str]] = [
    (pd.Series([1, None], dtype="Int64"), "int64", "found 1 missing, which int64 cannot hold"),
    (pd.Series([1.5, 2.0]), "int64", "whole numbers within int64, found 1 cell that is not"),
    (pd.Series([300, -1, 5]), "uint8", "whole numbers within uint8, found 2 cells"),
    (pd.Series([2**63], dtype="uint64"), "int64", "found 1 cell that is not"),
    (pd.Series([2.0**60]), "int64", "found 1 cell that is not"),
    (pd.Series([1e39]), "float32", "numbers within float32, found 1 cell"),
    (pd.Series([CANARY, "1"]), "float64", "expected numbers, found"),
    (pd.Series([CANARY, "1"]), "int64", "found"),
    (pd.Series([CANARY, "True"]), "bool", "truth values .* found 1 cell"),
    (pd.Series([CANARY]), "datetime64[ns]", "expected dates"),
    (pd.Series(["1e400"]), "float64", "within double precision, found 1 cell"),
    (pd.Series(["0x10", "1_0", "٣", "--1", "1e", ""]), "float64", "found [56] cells"),
    (pd.Series([True, False]), "float64", "expected numbers, found"),
    (pd.to_datetime(pd.Series(["2020-01-01"]), utc=True), "datetime64[ns]", "without a zone"),
    (pd.Series(["9999-01-01"]), "datetime64[ns]", "from 1678 to 2262"),
]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("column, dtype, expected", REFUSED)  # noqa: PT006
def test_a_column_that_cannot_be_meant_is_refused_without_its_cells(
    tmp_path: Path, column: Any, dtype: str, expected: str, kind: str
) -> None:
    table = tables(tmp_path, column)[kind]
    with pytest.raises(EvidenceError, match=expected) as caught:
        holdout_columns.typed(table, "c", np.dtype(dtype))
    assert caught.value.message.startswith("column c: ")
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1)
_COLUMNS = st.one_of(
    st.lists(_TEXTS, min_size=1).map(lambda v: (pd.Series(v, dtype="str"), "str")),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1).map(
        lambda v: (pd.Series(v, dtype="int64"), "int64")
    ),
    st.lists(st.floats(), min_size=1).map(lambda v: (pd.Series(v, dtype="float64"), "float64")),
    st.lists(st.floats(width=32), min_size=1).map(
        lambda v: (pd.Series(v, dtype="float32"), "float32")
    ),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=1).map(
        lambda v: (pd.Series(v, dtype="boolean"), "bool")
    ),
    st.lists(st.one_of(st.none(), st.integers(0, 2**40)), min_size=1).map(
        lambda v: (pd.Series(v, dtype="Int64"), "float64")
    ),
)


@settings(max_examples=150, deadline=None)
@given(_COLUMNS)
def test_any_table_is_the_same_from_both_files(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Any, str]
) -> None:
    column, dtype = drawn
    found = tables(tmp_path_factory.mktemp("t"), column)
    csv, parquet = (
        holdout_columns.typed(found[kind], "c", np.dtype(dtype)) for kind in ("csv", "parquet")
    )
    pd.testing.assert_series_equal(csv, parquet, check_exact=True)


def test_an_empty_cell_is_missing_and_a_quoted_one_is_the_empty_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('c,d\n,1\n"",2\n')
    table = holdout_file.read(tmp_path / "t.csv")
    assert cells(table, "str")[1] == [None, ""]
    assert holdout_columns.missing(table, "c") == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfc,d\nx,1\n",
        b"c,d\r\nx,1\r\n",
        b"c,d\nx,1",
        b'"c","d"\n"x","1"\n',
        b"c,d\nx,1\n\n\n",
    ],
)
def test_marks_and_line_ends_do_not_count(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    table = holdout_file.read(tmp_path / "t.csv")
    assert (list(table.columns), table.rows, cells(table, "str")[1]) == (["c", "d"], 1, ["x"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"c,c\nx,1\n", "every column once"),
        (b"c,d\nx,1,2\n", "expected 2 cells in every row, found 3 in row 2"),
        (b"c,d\nx\n", "expected 2 cells in every row, found 1 in row 2"),
        (b'c,d\n"x,1\ny,2\n', "sound quotes .* at line 3"),
        (b'c,d\n"x"y,1\n', "sound quotes .* at line 2"),
        ("c,d\nMüller,1\n".encode("latin-1"), "expected UTF-8 text, found other bytes in line 2"),
        (b"c,d\nx,1\n" + b"\xe9\n", "expected UTF-8 text, found other bytes in line 3"),
        ("c,d\nx,é".encode()[:-1], "expected UTF-8 text, found half a character"),
        ("c,d\nx,1\n".encode("utf-16"), "expected UTF-8 text, found UTF-16"),
        (b"c,d\n", "at least one row"),
        (b"", "column names in the first line"),
        (b",d\nx,1\n", "a name for every column"),
    ],
)
def test_a_csv_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(EvidenceError, match=expected):
        holdout_file.read(tmp_path / "t.csv")


@pytest.mark.parametrize("data", [b"", b"PAR1", CANARY.encode() * 100])
def test_a_damaged_parquet_file_is_refused_by_its_kind_alone(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(EvidenceError, match="expected a Parquet file") as caught:
        holdout_file.read(tmp_path / "t.parquet")
    assert CANARY not in str(caught.value)


def test_the_index_of_a_stored_table_is_no_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index([7, 8], name="id"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert list(holdout_file.read(tmp_path / "t.parquet").columns) == ["x"]


def test_columns_named_by_numbers_are_found_by_their_text(tmp_path: Path) -> None:
    frame = pd.DataFrame({0: [1.5], 1: [2.5]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    for kind in ("csv", "parquet"):
        assert list(holdout_file.read(tmp_path / f"t.{kind}").columns) == ["0", "1"]


def test_large_whole_numbers_beside_missing_ones_are_not_rounded(tmp_path: Path) -> None:
    pd.DataFrame({"c": pd.Series([2**53 + 1, None], dtype="Int64")}).to_parquet(
        tmp_path / "t.parquet"
    )
    with pytest.raises(EvidenceError, match="would lose digits"):
        holdout_columns.stored(holdout_file.read(tmp_path / "t.parquet"), "c")
