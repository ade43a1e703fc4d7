"""Every type, every boundary value and every form of request, and where the server differs.

What is listed in `DIFFERENCES` is written into docs/reference/answers.md by `make docs`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SELDON, V2 = "/api/v1.0/predictions", "/v2/models/echo/infer"

VALUES: dict[str, str] = {
    "zero": "0",
    "minus zero": "-0.0",
    "one": "1",
    "two": "2",
    "a whole number as 3.0": "3.0",
    "1.5": "1.5",
    "0.1": "0.1",
    "2^24 + 1": "16777217",
    "2^31 - 1": "2147483647",
    "2^31": "2147483648",
    "-2^31": "-2147483648",
    "-2^31 - 1": "-2147483649",
    "128": "128",
    "-129": "-129",
    "256": "256",
    "65536": "65536",
    "2^53": "9007199254740992",
    "2^53 + 1": "9007199254740993",
    "-2^53 - 1": "-9007199254740993",
    "2^53 + 1 as a fraction": "9007199254740993.0",
    "2^63 - 1": "9223372036854775807",
    "2^63": "9223372036854775808",
    "-2^63": "-9223372036854775808",
    "-2^63 - 1": "-9223372036854775809",
    "2^64 - 1": "18446744073709551615",
    "2^64": "18446744073709551616",
    "a number of 400 digits": "1" + "0" * 400,
    "a number of 100,000 digits": "1" * 100_000,
    "70000.0": "70000.0",
    "2049.0": "2049.0",
    "2^24 + 1 as a fraction": "16777217.0",
    "123456789.0": "123456789.0",
    "2^53 - 1 as a fraction": "9.007199254740991e15",
    "3.5e38": "3.5e38",
    "1e308": "1e308",
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e999999999": "1e999999999",
    "1e-50": "1e-50",
    "the smallest double": "5e-324",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "-Infinity": "-Infinity",
    "null": "null",
    "true": "true",
    "text": '"text"',
    "no text": '""',
    "a number as text": '"7"',
    "text beyond ASCII": '"grün 🙂"',
    "text that ends in a NUL": '"a\\u0000"',
    "half of a surrogate pair": '"\\ud800"',
    "a pair of surrogates": '"\\ud83d\\ude42"',
    "base64": '"AAEC"',
    "a day": '"2024-05-01"',
    "a second": '"2024-05-01T12:00:00"',
    "a microsecond": '"2024-05-01T12:00:00.123456"',
    "a nanosecond": '"2024-05-01T12:00:00.123456789"',
    "a tenth of a nanosecond": '"2024-05-01T12:00:00.1234567891"',
    "the year 1600": '"1600-01-01"',
    "the year 2500": '"2500-01-01"',
    "the year 9999": '"9999-12-31"',
    "the last microsecond": '"2262-04-11T23:47:16.854775"',
    "one microsecond too late": '"2262-04-11T23:47:16.854776"',
    "UTC": '"2024-05-01T12:00:00Z"',
    "another zone": '"2024-05-01T12:00:00+02:00"',
    "no day of the calendar": '"2024-02-30"',
    "a list": "[1, 2]",
    "an empty list": "[]",
    "an object": '{"a": 1}',
    "10,000 lists": "[" * 10_000 + "]" * 10_000,
}

COLUMNS: dict[str, str] = {
    "boolean": "true",
    "integer": "7",
    "long": "7",
    "float": "0.5",
    "double": "0.5",
    "string": '"a"',
    "binary": '"AAEC"',
    "datetime": '"2024-05-01T12:00:00"',
}
"""MLflow's column types, each with a value that fits."""

TENSORS: dict[str, str] = {
    "bool": "true",
    "int8": "7",
    "int16": "7",
    "int32": "7",
    "int64": "7",
    "uint8": "7",
    "uint16": "7",
    "uint32": "7",
    "uint64": "7",
    "float16": "0.5",
    "float32": "0.5",
    "float64": "0.5",
    "str": '"a"',
    "datetime64[ns]": '"2024-05-01T12:00:00"',
    "object": '"a"',
}
"""numpy's types, each with a value that fits."""

HINTS: dict[str, str] = {
    "int": "7",
    "float": "0.5",
    "bool": "true",
    "str": '"a"',
    "datetime.datetime": '"2024-05-01T12:00:00"',
}
"""Elements of the type hint list[...], each with a value that fits."""

_V2 = {
    "boolean": "BOOL",
    "bool": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{name: name.upper() for name in TENSORS if "int" in name},
}

Row = dict[str, str]
"""A table's row: JSON text by column."""


@dataclass(frozen=True, slots=True)
class Case:
    """One request, and the same values for pyfunc."""

    kind: str
    type: str
    value: str
    form: str
    path: str
    body: str
    values: str

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.value} for {self.type} as {self.form}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the model server and pyfunc do not do the same.

    Attributes:
        kinds: "table", "named arrays", "array" or "list".
        types: types of the signature; empty for every type.
        values: names in VALUES.
        server: "answers" or "refuses".
        pyfunc: the same, for MLflow.
    """

    kinds: frozenset[str]
    types: frozenset[str]
    values: frozenset[str]
    server: str
    pyfunc: str
    reason: str


def _list(items: list[str]) -> str:
    return f"[{', '.join(items)}]"


def _object(items: dict[str, str]) -> str:
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in items.items())}}}"


def _columns(rows: list[Row]) -> dict[str, str]:
    return {name: _list([row[name] for row in rows]) for name in rows[0]}


def _ndarray(rows: list[Row]) -> str:
    return _list([_list(list(row.values())) for row in rows])


def _tensors(rows: list[Row], tensors: bool = False) -> str:
    return _list(
        [
            f'{{"name": {json.dumps(name)}, "datatype": "{_V2.get(name, "BYTES")}", '
            f'"shape": [{len(rows)}], "data": {data}}}'
            for name, data in _columns(rows).items()
        ]
    )


TABLE_FORMS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "data.ndarray": (SELDON, lambda rows: f'{{"data": {{"ndarray": {_ndarray(rows)}}}}}'),
    "data.ndarray with names in another order": (
        SELDON,
        lambda rows: (
            f'{{"data": {{"names": {json.dumps(list(rows[0])[::-1])}, '
            f'"ndarray": {_ndarray([dict(reversed(row.items())) for row in rows])}}}}}'
        ),
    ),
    "jsonData as rows": (SELDON, lambda rows: f'{{"jsonData": {_ndarray(rows)}}}'),
    "jsonData as records": (
        SELDON,
        lambda rows: f'{{"jsonData": {_list([_object(row) for row in rows])}}}',
    ),
    "jsonData as columns": (SELDON, lambda rows: f'{{"jsonData": {_object(_columns(rows))}}}'),
    "dataframe_split": (
        SELDON,
        lambda rows: (
            f'{{"jsonData": {{"dataframe_split": {{"columns": {json.dumps(list(rows[0]))}, '
            f'"data": {_ndarray(rows)}}}}}}}'
        ),
    ),
    "dataframe_records": (
        SELDON,
        lambda rows: (
            f'{{"jsonData": {{"dataframe_records": {_list([_object(row) for row in rows])}}}}}'
        ),
    ),
    "V2 tensors": (V2, lambda rows: f'{{"inputs": {_tensors(rows)}}}'),
}
ARRAY_FORMS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "jsonData as columns": TABLE_FORMS["jsonData as columns"],
    "V2 tensors": TABLE_FORMS["V2 tensors"],
}
MATRIX_FORMS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "data.ndarray": TABLE_FORMS["data.ndarray"],
    "data.tensor": (
        SELDON,
        lambda rows: (
            f'{{"data": {{"tensor": {{"shape": [{len(rows)}, {len(rows[0])}], '
            f'"values": {_list([text for row in rows for text in row.values()])}}}}}}}'
        ),
    ),
    "jsonData as rows": TABLE_FORMS["jsonData as rows"],
    "one V2 tensor": (
        V2,
        lambda rows: (
            f'{{"inputs": [{{"name": "x", "datatype": "FP64", '
            f'"shape": [{len(rows)}, {len(rows[0])}], "data": {_ndarray(rows)}}}]}}'
        ),
    ),
}
LIST_FORMS: dict[str, tuple[str, Callable[[list[Row]], str]]] = {
    "data.ndarray": TABLE_FORMS["data.ndarray"],
    "jsonData as a list": (SELDON, lambda rows: f'{{"jsonData": {_columns(rows)["x"]}}}'),
}


def table_cases() -> Iterator[Case]:
    yield from _cases("table", COLUMNS, TABLE_FORMS)


def named_array_cases() -> Iterator[Case]:
    yield from _cases("named arrays", TENSORS, ARRAY_FORMS)


def _cases(
    kind: str, types: dict[str, str], forms: dict[str, tuple[str, Callable[[list[Row]], str]]]
) -> Iterator[Case]:
    for type_ in types:
        for value, text in VALUES.items():
            # A neighbour that fits: a value must not change the one below it either.
            rows = [types | {type_: text}, types]
            for form, (path, body) in forms.items():
                if type_ == "object" and path == V2:
                    continue  # V2 has no such datatype
                yield Case(kind, type_, value, form, path, body(rows), _object(_columns(rows)))


def array_cases(numpy_name: str) -> Iterator[Case]:
    fits = "7" if "int" in numpy_name else "0.5"
    for value, text in VALUES.items():
        rows: list[Row] = [{"a": text, "b": fits}, {"a": fits, "b": fits}]
        for form, (path, body) in MATRIX_FORMS.items():
            asked = f'{{"x": {_ndarray(rows)}}}'
            yield Case("array", numpy_name, value, form, path, body(rows), asked)


def list_cases(hint: str) -> Iterator[Case]:
    for value, text in VALUES.items():
        rows: list[Row] = [{"x": text}, {"x": HINTS[hint]}]
        for form, (path, body) in LIST_FORMS.items():
            yield Case("list", hint, value, form, path, body(rows), _object(_columns(rows)))


_INFINITE = frozenset({"1e400", "-1e400", "1e999999999", "Infinity", "-Infinity"})
_NO_NUMBERS = frozenset({"true", "null", "a list", "an empty list", "an object"})
_WRITTEN = frozenset(name for name, text in VALUES.items() if text.startswith('"'))
_NUMBERS = frozenset(VALUES) - _WRITTEN - _NO_NUMBERS
NUMBERS = _NUMBERS - _INFINITE - {"NaN"}
"""Names of the values that are finite numbers."""
_HALF = frozenset({"half of a surrogate pair"})
_ROUNDED = frozenset({"2^53 + 1", "-2^53 - 1", "2^63 - 1", "-2^63 - 1", "2^64 - 1"})
_WRITTEN_AS_FRACTIONS = frozenset({
    "minus zero", "a whole number as 3.0", "70000.0", "2049.0", "2^24 + 1 as a fraction",
    "123456789.0", "2^53 - 1 as a fraction",
})  # fmt: skip
_WHOLE = frozenset(name for name, text in VALUES.items() if text.lstrip("-").isdigit())
_ALL_KINDS = frozenset({"table", "named arrays", "array", "list"})
_ONES = frozenset({"zero", "minus zero", "one"})
_FLOATS = frozenset({"float", "double", "float16", "float32", "float64", "object"})


def _difference(
    kinds: str, types: str, values: frozenset[str] | set[str], server: str, pyfunc: str, reason: str
) -> Difference:
    chosen = _ALL_KINDS if kinds == "every kind" else frozenset(kinds.split(", "))
    return Difference(
        chosen, frozenset(types.split(", ")), frozenset(values), server, pyfunc, reason
    )


DIFFERENCES: tuple[Difference, ...] = (
    _difference(
        "every kind", ", ".join(sorted(_FLOATS)), _INFINITE, "refuses", "answers",
        "JSON has no infinity, and an answer could not carry one back.",
    ),
    _difference(
        "every kind", "double, float64", _ROUNDED, "refuses", "answers",
        "pandas and numpy round it to a double that is another number.",
    ),
    _difference(
        "every kind", "long, int64, uint64", {"2^53 + 1 as a fraction"}, "refuses", "answers",
        "From 2^53 on a fraction names no whole number: digits were lost when it was read.",
    ),
    _difference(
        "every kind", "double, float64, int64, int", {"true"}, "refuses", "answers",
        "A boolean is no number; numpy and pandas make 1 of it.",
    ),
    _difference(
        "table", "double", {"no text", "a number as text", "an empty list"}, "refuses", "answers",
        "Neither text nor a list is a number; pandas makes one of it.",
    ),
    _difference(
        "table, named arrays", "float, float16, float32", {"0.1"}, "answers", "refuses",
        "A fraction is read to the nearest number of the declared width. Python reads it to 64 "
        "bits, and MLflow narrows nothing.",
    ),
    _difference(
        "table, named arrays", "float, uint64", {"2^64", "2^64 - 1"}, "answers", "refuses",
        "The declared type holds it exactly. What pandas or numpy make of it beside a smaller "
        "number does not fit the declared type.",
    ),
    _difference(
        "table", "boolean", _ONES, "answers", "answers",
        "0 and 1 are booleans, since tensors of protobuf can write no other. MLflow hands the "
        "model numbers.",
    ),
    _difference(
        "named arrays, list", "bool", _ONES, "answers", "refuses",
        "0 and 1 are booleans, since tensors of protobuf can write no other.",
    ),
    _difference(
        "table", "boolean", frozenset(VALUES) - _ONES - {"true", "null"}, "refuses", "answers",
        "Where a boolean is declared, MLflow hands any object to the model.",
    ),
    _difference(
        "table", "string", _NUMBERS | {"true", "a list", "an empty list", "an object"},
        "refuses", "answers",
        "Where text is declared, MLflow hands any object to the model.",
    ),
    _difference(
        "table", "binary", frozenset(VALUES) - {"null", "text", "no text", "base64"},
        "refuses", "answers",
        "Bytes are sent as base64. MLflow hands any object to the model.",
    ),
    _difference(
        "named arrays", "str", _NUMBERS | {"true"}, "refuses", "answers",
        "A number is no text; numpy writes it as text beside one.",
    ),
    _difference(
        "named arrays", "str", {"text that ends in a NUL"}, "refuses", "answers",
        "numpy's text drops NULs at its end.",
    ),
    _difference(
        "every kind", "string, str, object", _HALF, "refuses", "answers",
        "Half of a surrogate pair is no text: UTF-8 cannot carry it.",
    ),
    _difference(
        "table", "datetime", _NUMBERS | {"no text"}, "refuses", "answers",
        "A date is sent as text. pandas counts a number from 1970 on and makes a missing value of "
        "no text.",
    ),
    _difference(
        "every kind", "datetime, datetime64[ns], datetime.datetime", {"a tenth of a nanosecond"},
        "refuses", "answers",
        "Python's reader drops the digits that the type does not hold.",
    ),
    _difference(
        "named arrays", "datetime64[ns]", {"a nanosecond"}, "answers", "answers",
        "The type holds nanoseconds; Python's reader drops them.",
    ),
    _difference(
        "list", "datetime.datetime", {"a nanosecond"}, "refuses", "answers",
        "Python's dates hold microseconds; its reader drops the rest.",
    ),
    _difference(
        "named arrays, list", "datetime64[ns], datetime.datetime", {"UTC", "another zone"},
        "refuses", "answers",
        "MLflow's dates have no zone, and numpy drops it.",
    ),
    _difference(
        "list", "int", _WRITTEN_AS_FRACTIONS, "answers", "refuses",
        "JSON has one kind of number: 3.0 is a whole number.",
    ),
    _difference(
        "list", "float", _WHOLE, "answers", "refuses",
        "JSON has one kind of number: 2 is a fraction too.",
    ),
    _difference(
        "list", "int", _WHOLE, "refuses", "answers",
        "MLflow's signature says `long` for the hint `int`: 64 bits.",
    ),
)  # fmt: skip
