"""The values of a request, before anything is known about the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as rows; `names` are the client's column names, if it sent some."""

    rows: Sequence[object]
    names: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """A table as objects with the same keys, or objects that are the values themselves."""

    records: Sequence[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Named:
    """A table as named columns, or named arrays."""

    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Tensors:
    """V2 tensors: named columns, named arrays, or one that is a whole table."""

    values: Mapping[str, list[object]]


Payload = Rows | Records | Named | Tensors
