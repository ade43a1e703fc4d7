"""Reads a holdout as it was written: a CSV file as text, a Parquet file with the types it stores.

Nothing is guessed and nothing is quoted: an error names columns, types, counts and row numbers.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from compliance.errors import EvidenceError

CSV, PARQUET = ".csv", ".parquet"
SUFFIXES = (PARQUET, CSV)
MAX_FIELD_CHARACTERS = 1_000_000
_OTHER_ENCODINGS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CSV_HINT = "write it as UTF-8 with commas, quotes doubled: frame.to_csv(path, index=False)"


@dataclass(frozen=True, slots=True)
class Table:
    """A holdout's columns by name.

    Attributes:
        columns: pyarrow arrays. Those of a CSV file are text; an empty cell without quotes is a
            missing one, `""` is the empty text.
        is_text: whether the file knows no types.
        known: names of columns that a message may say, because the catalogue or a signature says
            them too. In a file without a header every other name is a cell.
    """

    columns: dict[str, Any]
    rows: int
    is_text: bool
    known: frozenset[str] = frozenset()

    def knowing(self, names: Iterable[str]) -> Table:
        """Return the table with more column names that a message may say."""
        return replace(self, known=self.known.union(names))

    def called(self, column: str) -> str:
        """Return a column's name for messages: its own if that is known, else its number."""
        if column in self.known:
            return f"column {column}"
        return f"column number {list(self.columns).index(column) + 1}"


def read(path: Path) -> Table:
    """Read a holdout.

    Raises:
        EvidenceError: the file is neither CSV nor Parquet, is damaged, has no rows, or names a
            column twice.
    """
    if path.suffix not in SUFFIXES:
        raise EvidenceError(f"{path}: expected {' or '.join(SUFFIXES)}, found {path.suffix!r}")
    table = _parquet(path) if path.suffix == PARQUET else _csv(path)
    names = [str(name) for name in table.column_names]
    _check_names(path, names)
    if table.num_rows == 0:
        raise EvidenceError(f"{path}: expected at least one row, found none")
    columns = {name: table.column(at) for at, name in enumerate(names)}
    return Table(columns, int(table.num_rows), path.suffix == CSV)


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = {name for name, count in Counter(names).items() if count > 1}
    if twice:
        raise EvidenceError(
            f"{path}: expected every column once, found {len(twice)} names more than once",
            hint="give each column a name of its own, in the first line of a CSV file",
        )
    if any(not name.strip() for name in names):
        raise EvidenceError(
            f"{path}: expected a name for every column, found one without",
            hint="leave the index out: frame.to_csv(path, index=False)",
        )


def _parquet(path: Path) -> Any:
    try:
        with pa.parquet.ParquetFile(path) as file:
            table = file.read()
    except Exception as err:  # the parser's words may hold cells
        raise EvidenceError(
            f"{path}: expected a Parquet file, found one that cannot be read ({type(err).__name__})"
        ) from None
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    return table.drop_columns([name for name in index if name in table.column_names])


def _csv(path: Path) -> Any:
    header = _check_text(path)
    wrong_rows: list[tuple[int, int, int]] = []

    def note(row: Any) -> str:
        wrong_rows.append((row.number, row.expected_columns, row.actual_columns))
        return "error"

    try:
        return pa.csv.read_csv(
            path,
            # Rows have numbers only while one thread reads.
            read_options=pa.csv.ReadOptions(use_threads=False),
            parse_options=pa.csv.ParseOptions(
                newlines_in_values=True,
                invalid_row_handler=note,
                # In a file of one column an empty line is a missing cell.
                ignore_empty_lines=len(header) > 1,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except Exception as err:  # the parser's words hold cells and rows
        raise EvidenceError(f"{path}: {_csv_problem(err, wrong_rows)}", hint=_CSV_HINT) from None


def _csv_problem(error: Exception, wrong_rows: Sequence[tuple[int, int, int]]) -> str:
    if wrong_rows:
        number, expected, found = wrong_rows[0]
        return f"expected {expected} cells in every row, found {found} in row {number}"
    return f"expected a CSV file, found one that cannot be read ({type(error).__name__})"


def _has_quotes(file: BinaryIO, path: Path) -> bool:
    """Return whether a CSV file has quotes.

    Raises:
        EvidenceError: it is no UTF-8. pyarrow would print a trace of its own where a row that is
            none has too few cells as well.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    found, lines = False, 1
    for block in iter(lambda: file.read(1 << 20), b""):
        try:
            decoder.decode(block)
        except UnicodeDecodeError as err:
            lines += block[: err.start].count(b"\n")
            raise EvidenceError(
                f"{path}: expected UTF-8 text, found other bytes in line {lines}", hint=_CSV_HINT
            ) from None
        found = found or b'"' in block
        lines += block.count(b"\n")
    if decoder.getstate()[0]:
        raise EvidenceError(
            f"{path}: expected UTF-8 text, found half a character at its end", hint=_CSV_HINT
        )
    return found


def _check_text(path: Path) -> list[str]:
    """Return the header of a CSV file whose encoding and quotes are sound.

    pyarrow reads on to the end of the file after a quote that nobody closes.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(_OTHER_ENCODINGS):
            raise EvidenceError(f"{path}: expected UTF-8 text, found UTF-16", hint=_CSV_HINT)
        if b"\0" in start:
            raise EvidenceError(f"{path}: expected UTF-8 text, found NUL bytes", hint=_CSV_HINT)
        file.seek(0)
        has_quotes = _has_quotes(file, path)
    limit = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = next(reader, [])
            if has_quotes:
                for _row in reader:
                    pass
    except csv.Error:  # says no more than that quotes or a length are wrong
        line = reader.line_num if reader else 1
        raise EvidenceError(
            f"{path}: expected sound quotes and cells of at most {MAX_FIELD_CHARACTERS} "
            f"characters, found others at line {line}",
            hint=_CSV_HINT,
        ) from None
    finally:
        csv.field_size_limit(limit)
    if not header:
        raise EvidenceError(f"{path}: expected column names in the first line, found none")
    return header
