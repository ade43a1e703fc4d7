"""Parquet and CSV of one table mean the same, by arrow type, values, wanted type and role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from compliance.domain import classes
from compliance.errors import EvidenceError
from compliance.evidence import holdout_columns, holdout_file
from compliance.judging.collection import features_digest

CENTS = [Decimal(cents).scaleb(-2) for cents in range(100, 60_000, 7)]
DAYS = [datetime(2020, 1, 31), datetime(1999, 12, 31)]
MOMENTS = [datetime(2020, 1, 31), datetime(1999, 12, 31, 23, 59, 59, 120000)]

TABLES: dict[str, Any] = {
    "decimals": pa.array(CENTS, pa.decimal128(10, 2)),
    "decimals with gaps": pa.array([Decimal("1.00"), None, Decimal("0.50")]),
    "small decimals": pa.array([Decimal("0.0000001"), Decimal("0E-7")], pa.decimal128(10, 7)),
    "whole decimals": pa.array([Decimal(2**53 + 1), Decimal(7)], pa.decimal128(20, 0)),
    "large decimals with a point": pa.array([Decimal(2**53 + 1)], pa.decimal128(20, 2)),
    "decimals that are whole": pa.array([Decimal("1.00"), Decimal("0.00")]),
    "wide decimals": pa.array([Decimal("1.10"), Decimal("-2.00")], pa.decimal256(50, 2)),
    "narrow decimals": pa.array([Decimal("1.0"), Decimal("2.5")], pa.decimal32(5, 1)),
    "decimals of 64 bits": pa.array([Decimal("1.0"), Decimal("2.5")], pa.decimal64(12, 1)),
    "decimals as categories": pa.array([Decimal("1.5"), None]).dictionary_encode(),
    "float32": pa.array(np.array([0.1, 0.2, 1e-5, 16777216, 1e16, np.inf], np.float32)),
    "whole float32": pa.array(np.array([1, 0, -3], np.float32)),
    "float32 with gaps": pa.array([0.5, None], pa.float32()),
    "float16": pa.array(np.array([0.1, 1000, 2.5], np.float16)),
    "float64": pa.array([0.1, 1e16, 1e22, 2.0**70, 1e-5, 1e-7, 123456789.0, -0.0]),
    "whole float64": pa.array([1.0, 0.0, 2.0**53 - 1]),
    "float64 at the limit": pa.array([2.0**53]),
    "int64": pa.array([2**53 + 1, 1, -(2**63)]),
    "int64 that fits": pa.array([2**53, 16777217, 0]),
    "uint64": pa.array([2**64 - 1], pa.uint64()),
    "int8 with gaps": pa.array([1, None], pa.int8()),
    "zeros and ones": pa.array([1, 0, 1]),
    "truth values": pa.array([True, False, None]),
    "days": pa.array([date(2020, 1, 31), date(1999, 12, 31)]),
    "far days": pa.array([date(9999, 12, 31)]),
    "days in milliseconds": pa.array([date(2020, 1, 31)], pa.date64()),
    "midnights": pa.array(DAYS, pa.timestamp("us")),
    "moments": pa.array([*MOMENTS, None], pa.timestamp("ns")),
    "seconds": pa.array(MOMENTS[:1], pa.timestamp("s")),
    "moments in a zone": pa.array(MOMENTS, pa.timestamp("us", "UTC")),
    "times": pa.array([time(1, 2, 3), time(0)], pa.time64("us")),
    "durations": pa.array([timedelta(days=1), timedelta(seconds=5)], pa.duration("s")),
    "nothing": pa.nulls(2),
    "text": pa.array(["NA", "01", "1.10", "1.1", "a,b", None]),
    "text views": pa.array(["0.5", "x", None], pa.string_view()),
    "large text": pa.array(["1", "0"], pa.large_string()),
    "categories of large text": pa.array(["b", "a", "b"], pa.large_string()).dictionary_encode(),
    "text of dates": pa.array(["2020-01-31", "1999-12-31"]),
}
WANTED = ["str", "float64", "float32", "float16", "int64", "int32", "uint8", "bool",
          "datetime64[ns]", "object"]  # fmt: skip


def written(folder: Path, values: Any) -> dict[str, holdout_file.Table]:
    table = pa.table({"c": values, "other": pa.array(["x"] * len(values))})
    pa.parquet.write_table(table, folder / "t.parquet")
    frame = table.to_pandas(integer_object_nulls=True)
    frame.to_csv(folder / "pandas.csv", index=False)
    try:
        pa.csv.write_csv(table, folder / "arrow.csv")
    except pa.ArrowInvalid:  # arrow cannot write views
        frame.to_csv(folder / "arrow.csv", index=False)
    names = {"parquet": "t.parquet", "pandas": "pandas.csv", "arrow": "arrow.csv"}
    return {key: holdout_file.read(folder / name).knowing(["c"]) for key, name in names.items()}


def attempt(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except EvidenceError as err:
        return "refused" if err.message.startswith("column c: expected ") else err.message


def feature(table: holdout_file.Table, wanted: str) -> Any:
    found = holdout_columns.typed(table, "c", np.dtype(wanted))
    cells = [None if pd.isna(v) else repr(v) for v in found.tolist()]
    return str(found.dtype), cells, features_digest(pd.DataFrame({"c": found}))


# Arrow writes a truth value, a whole double, a date and a duration otherwise than pandas. Where
# text is asked for, a CSV file means what it says; and "1" no longer tells that it was a double.
ARROW_DIFFERS = {
    ("float64", "int64"), ("float64 at the limit", "int64"), ("float16", "float64"),
    ("float16", "float32"), ("float16", "int64"),
    ("durations", "int64"), ("durations", "int32"), ("durations", "uint8"),
    ("durations", "float64"), ("durations", "float32"), ("durations", "float16"),
    ("float64", "float32"), ("float32", "float16"),
}  # fmt: skip

DIGITS_BEYOND_A_DOUBLE = {"whole decimals", "large decimals with a point"}


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("wanted", WANTED)
@pytest.mark.parametrize("name", TABLES)
def test_a_feature_is_the_same_from_every_file(tmp_path: Path, name: str, wanted: str) -> None:
    found = {
        file: attempt(lambda table=table: feature(table, wanted))  # type: ignore[misc]
        for file, table in written(tmp_path, TABLES[name]).items()
    }
    if wanted == "object":
        assert found["pandas"] == found["arrow"] == "refused"
        # Decimals become doubles there, and some of these would lose digits.
        assert (found["parquet"] == "refused") == (name in DIGITS_BEYOND_A_DOUBLE)
        return
    assert found["parquet"] == found["pandas"]
    if wanted != "str" and (name, wanted) not in ARROW_DIFFERS:
        assert found["parquet"] == found["arrow"]


# Arrow writes half-precision numbers wider than they are, and "nothing" holds no label.
LABELLED = [name for name in TABLES if name != "nothing" and "float16" not in name]


@pytest.mark.parametrize("name", LABELLED)
def test_labels_and_groups_are_the_same_from_every_file(tmp_path: Path, name: str) -> None:
    classes_of, groups_of, numbers_of = {}, {}, {}
    values = TABLES[name]
    values = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    values = pa.array([value for value in values.to_pylist() if value is not None], values.type)
    assert len(values) > 0
    for file, table in written(tmp_path, values).items():
        column = holdout_columns.texts(table, "c")
        coded = classes.code([classes.as_texts(column)])
        classes_of[file] = coded.texts, coded.codes[0].tolist()
        groups_of[file] = classes.same_texts(column).tolist()
        numbers_of[file] = attempt(lambda t=table: holdout_columns.numbers(t, "c").tolist())  # type: ignore[misc]
    assert numbers_of["parquet"] == numbers_of["pandas"]
    assert classes_of["parquet"] == classes_of["pandas"]
    assert groups_of["parquet"] == groups_of["pandas"]
    if name != "durations":
        assert classes_of["parquet"] == classes_of["arrow"]
        assert groups_of["parquet"] == groups_of["arrow"]
        assert numbers_of["parquet"] == numbers_of["arrow"]


MEANINGS: list[tuple[Any, str, list[object]]] = [
    (pa.array(np.array([0.1], np.float32)), "float64", [0.1]),
    (pa.array(np.array([0.1], np.float16)), "float64", [0.1]),
    (pa.array(np.array([0.1], np.float32)), "str", ["0.1"]),
    (pa.array(CENTS), "float64", [float(cents) for cents in CENTS]),
    (pa.array([Decimal("1.00")]), "str", ["1.00"]),
    (pa.array([Decimal("1.00")]), "int64", [1]),
    (pa.array([Decimal("1.0")]), "bool", [True]),
    (pa.array([Decimal(2**53 + 1)], pa.decimal128(20, 0)), "int64", [2**53 + 1]),
    (pa.array([Decimal(2**53 + 3)], pa.decimal128(20, 0)), "int64", [2**53 + 3]),
    (pa.array(DAYS), "str", ["2020-01-31", "1999-12-31"]),
    (pa.array(MOMENTS, pa.timestamp("ns")), "str",
     ["2020-01-31 00:00:00.000", "1999-12-31 23:59:59.120"]),
    (pa.array([b"ab"], pa.binary(2)), "bytes", [b"ab"]),
    (pa.array([b"ab"], pa.binary_view()), "bytes", [b"ab"]),
    (pa.array(["0.5"], pa.string_view()), "float64", [0.5]),
    (pa.array([2**53, 2**53 + 2]), "float64", [2.0**53, 2.0**53 + 2]),
    (pa.array(["a", "b"]), "object", ["a", "b"]),
    (pa.array([1, 2]), "object", [1, 2]),
]  # fmt: skip


@pytest.mark.parametrize("values, wanted, expected", MEANINGS)  # noqa: PT006
def test_a_cell_means_the_shortest_text_that_reads_back(
    tmp_path: Path, values: Any, wanted: str, expected: list[object]
) -> None:
    pa.parquet.write_table(pa.table({"c": values}), tmp_path / "t.parquet")
    table = holdout_file.read(tmp_path / "t.parquet")
    assert holdout_columns.typed(table, "c", np.dtype(wanted)).tolist() == expected


LOST: list[tuple[Any, str, str]] = [
    (pa.array([2**53 + 1, 1]), "float64", "keep their digits as float64, found 1 cell"),
    (pa.array([str(2**53 + 1)]), "float64", "keep their digits as float64, found 1 cell"),
    (pa.array([Decimal(2**53 + 1)]), "float64", "keep their digits as float64, found 1 cell"),
    (pa.array([16777217, 16777217, 5]), "float32", "keep their digits as float32, found 2 cells"),
    (pa.array(["9007199254740993.0"]), "int64", "whole numbers within int64, found 1 cell"),
    (pa.array(["1e999999"]), "int64", "whole numbers within int64, found 1 cell"),
    (pa.array([2.0**53]), "int64", "whole numbers within int64, found 1 cell"),
    (pa.array([[1]], pa.large_list(pa.int64())), "float64", "expected numbers, found lists"),
    (pa.array([{"Smith": 1}]), "str", r"expected text, found structures(\n|$)"),
    (pa.array([timedelta(1)]), "float64", r"expected numbers, found duration\["),
    (pa.array([b"ab"], pa.binary(2)), "str", r"expected text, found fixed_size_binary\[2\]"),
    (pa.array([1], pa.time64("ns")), "str", "expected text, found time64"),
    (pa.RunEndEncodedArray.from_arrays([2], ["x"]), "int64", "found 2 cells"),
]


@pytest.mark.parametrize("values, wanted, expected", LOST)  # noqa: PT006
def test_what_cannot_be_kept_is_refused_by_its_column(
    values: Any, wanted: str, expected: str
) -> None:
    table = holdout_file.Table({"c": values}, len(values), is_text=False).knowing(["c"])
    with pytest.raises(EvidenceError, match=rf"^column c: .*{expected}") as caught:
        holdout_columns.typed(table, "c", np.dtype(wanted))
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("labels", "answers", "same"),
    [
        (["1.00", "0.00"], np.array([1, 0]), True),
        (["1.00", "0.00"], ["1", "0"], True),
        (["1.50", "0.50"], np.array([1.5, 0.5]), True),
        (["0.1", "0.2"], np.array([0.1, 0.2], np.float32), True),
        (["1e-07"], np.array([1e-7]), True),
        (["2020-01-31 00:00:00"], ["2020-01-31"], True),
        (["1.10", "1.1"], ["1.1", "1.10"], False),
        (["1.1", "1.1"], ["1.10", "1.1"], False),
        (["01"], np.array([1]), False),
        (["1e5"], np.array([100000]), False),
    ],
)
def test_numbers_compare_as_numbers_unless_a_column_tells_spellings_apart(
    labels: list[str], answers: Any, same: bool
) -> None:
    truth, said = classes.code([classes.as_texts(labels), classes.as_texts(answers)]).codes
    assert (truth == said).all() == same


@pytest.mark.parametrize("name", ["1", "1.0", "1.00", "True"])
def test_the_favourable_class_is_found_among_decimals(name: str) -> None:
    assert classes.code([classes.as_texts(["0.00", "1.00"])]).find(name) == 1
