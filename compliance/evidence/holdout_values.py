"""Reads the cells of a holdout's columns, whatever their arrow type.

Every column has one text per cell, which is its meaning: the one that pandas writes to a CSV file,
so the shortest that reads back as the value in its own width (0.1 of a float32 is 0.1). So a CSV
and a Parquet file of a table mean the same.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compliance.errors import EvidenceError
from compliance.evidence.holdout_file import Table

_IN_PARTS = {"list": "lists", "struct": "structures", "map": "maps", "union": "unions"}


@contextmanager
def reading(table: Table, column: str, expected: str) -> Iterator[None]:
    """Translate arrow's errors in the block into one that names the column.

    Raises:
        EvidenceError: arrow or pandas cannot read the column as what is expected.
    """
    try:
        yield
    except (EvidenceError, MemoryError):
        raise
    except Exception:  # a library's words may hold cells
        raise other(table, column, expected) from None


def other(table: Table, column: str, expected: str) -> EvidenceError:
    """Return the refusal of a column that is stored as something else than expected."""
    return EvidenceError(
        f"{table.called(column)}: expected {expected}, found {kind(table, column)}",
        hint="store that column of the holdout as the model's signature says",
    )


def kind(table: Table, column: str) -> str:
    """Return the type that a column is stored with, without the types of its parts."""
    if table.is_text:
        return "text"
    name = str(table.columns[column].type)
    return next((plural for part, plural in _IN_PARTS.items() if part in name.split("<")[0]), name)


def plain(table: Table, column: str) -> Any:
    """Return a column as one array of a plain type: categories and runs as their values."""
    values = table.columns[column]
    if isinstance(values, pa.ChunkedArray):
        chunks = [_plain(chunk) for chunk in values.chunks]
        values = chunks[0] if len(chunks) == 1 else pa.chunked_array(chunks).combine_chunks()
    else:
        values = _plain(values)
    return values


def _plain(values: Any) -> Any:
    of = values.type
    if isinstance(values, pa.ExtensionArray):
        return _plain(values.storage)
    if pa.types.is_dictionary(of):
        return _plain(values.dictionary).take(values.indices)
    if pa.types.is_run_end_encoded(of):
        return _plain(pc.run_end_decode(values))
    if pa.types.is_null(of) or pa.types.is_string_view(of):
        return values.cast(pa.string())
    if pa.types.is_binary_view(of):
        return values.cast(pa.binary())
    if pa.types.is_decimal32(of) or pa.types.is_decimal64(of):
        return values.cast(pa.decimal128(of.precision, of.scale))
    return values


def count_missing(values: Any) -> int:
    """Count plain values that are null, or no number among numbers."""
    nan_too = pa.types.is_floating(values.type)
    return int(pc.sum(pc.is_null(values, nan_is_null=nan_too)).as_py())


def is_text(values: Any) -> bool:
    """Whether plain values are text."""
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def is_bytes(values: Any) -> bool:
    """Whether plain values are bytes."""
    of = values.type
    kinds = pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary
    return any(is_kind(of) for is_kind in kinds)


def as_texts(values: Any) -> Any:
    """Return the text of plain values, missing ones as null; None where they have none.

    Bytes and values with parts have many spellings, so that none is theirs.
    """
    of = values.type
    if is_text(values):
        return values
    if is_bytes(values) or pa.types.is_nested(of):
        return None
    if pa.types.is_integer(of) or pa.types.is_decimal(of):
        return values.cast(pa.string())
    return _as_pandas_writes(values)


def _as_pandas_writes(values: Any) -> Any:
    """Let pandas write all values: how it writes a date depends on the whole column."""
    import pandas as pd

    if pa.types.is_float16(values.type):  # arrow has no dictionary of those
        positions, distinct = pd.factorize(values.to_pandas())
        indices = pa.array(positions, pa.int64(), mask=positions < 0)
        series = pd.Series(np.asarray(distinct, dtype=np.float16))
    else:
        coded = values.dictionary_encode()
        indices, series = coded.indices, coded.dictionary.to_pandas()
    written = csv.reader(StringIO(series.to_csv(index=False, header=False)))
    texts = pa.array([row[0] or None for row in written], pa.string())
    return texts.take(indices)
