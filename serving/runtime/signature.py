"""A model's signature, read once from its MLflow metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class ColumnType(StrEnum):
    """MLflow's column types; OTHER stands for its nested ones and for "not declared"."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"
    OTHER = "any"

    @property
    def v2_datatype(self) -> str:
        """Return the type's name in the Open Inference Protocol."""
        return _V2_DATATYPES.get(self, "BYTES")

    @property
    def numpy_name(self) -> str | None:
        """Return the numpy type that MLflow's schema enforcement would pass to the model."""
        return _NUMPY_NAMES.get(self)


_V2_DATATYPES = {
    ColumnType.BOOLEAN: "BOOL",
    ColumnType.INTEGER: "INT32",
    ColumnType.LONG: "INT64",
    ColumnType.FLOAT: "FP32",
    ColumnType.DOUBLE: "FP64",
}
_NUMPY_NAMES = {
    ColumnType.BOOLEAN: "bool",
    ColumnType.INTEGER: "int32",
    ColumnType.LONG: "int64",
    ColumnType.FLOAT: "float32",
    ColumnType.DOUBLE: "float64",
}

_NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.LONG, ColumnType.FLOAT, ColumnType.DOUBLE})


@dataclass(frozen=True, slots=True)
class Anything:
    """A value of any type."""

    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """A list of values of one type."""

    item: NestedType

    def __str__(self) -> str:
        return f"Array({self.item})"


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with any keys, and values of one type."""

    item: NestedType

    def __str__(self) -> str:
        return f"Map({self.item})"


@dataclass(frozen=True, slots=True)
class Property:
    """One key of an object."""

    name: str
    type: NestedType
    required: bool


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object with these keys and no others."""

    properties: tuple[Property, ...]

    def __str__(self) -> str:
        return f"Object({', '.join(f'{p.name}: {p.type}' for p in self.properties)})"


NestedType = ColumnType | Anything | ArrayOf | MapOf | ObjectOf


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: as clients write it; empty in a signature without names.
        label: what the model's own table calls the column. A table made from an array calls its
            columns 0, 1, 2, which JSON can only write as text.
        nested: what the values are where they are lists or objects; None where they are not, or
            where nothing is declared.
    """

    name: str
    type: ColumnType
    required: bool = True
    label: str | int = ""
    nested: NestedType | None = None

    @property
    def typed(self) -> str:
        """Return the type for messages, at most 200 characters."""
        return str(self.nested or self.type)[:200]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; -1 in `shape` matches any length."""

    name: str
    numpy_name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A model's inputs and outputs. Without columns and tensors, the model declares nothing.

    Attributes:
        named: the columns have names.
        hinted: the types come from Python type hints and the model itself checks its input.
    """

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    output_columns: tuple[Column, ...] = ()
    output_tensors: tuple[Tensor, ...] = ()
    named: bool = False
    hinted: bool = False

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """Return the names of columns or tensors, as metadata and requests use them."""
        return _listed(self.columns or self.tensors, "input", self.named)

    @cached_property
    def columns_by_name(self) -> dict[str, Column]:
        """Return the columns by every name that a request may use.

        Columns without names have those of the metadata and, as a table made from an array calls
        them, their numbers.
        """
        if self.named:
            return {column.name: column for column in self.columns}
        numbered = {str(column.label): column for column in self.columns}
        return numbered | dict(zip(self.input_names, self.columns, strict=True))

    @cached_property
    def output_names(self) -> tuple[str, ...]:
        """Return the names of the answer's columns or tensors; empty if the model declares none."""
        return _listed(self.output_columns or self.output_tensors, "predict", named=False)

    @cached_property
    def uniform_float(self) -> str | None:
        """Return the floating-point numpy type of all columns, or None if they differ."""
        types = {column.type for column in self.columns}
        if len(types) == 1 and types <= {ColumnType.DOUBLE, ColumnType.FLOAT}:
            return types.pop().numpy_name
        return None

    @cached_property
    def numeric(self) -> bool:
        """Whether every column is a number."""
        return bool(self.columns) and {column.type for column in self.columns} <= _NUMBERS

    def describe(self) -> str:
        """Describe the inputs for a message, in at most some 600 characters."""
        if self.columns:
            parts = [
                f"{column.name or index}: {column.typed}{'' if column.required else ' (optional)'}"
                for index, column in enumerate(self.columns)
            ]
        elif self.tensors:
            parts = [
                f"{tensor.name or 'tensor'}: {tensor.numpy_name}{list(tensor.shape)}"
                for tensor in self.tensors
            ]
        else:
            return "the model declares no signature"
        shown = ", ".join(parts[:40])
        more = f", ... {len(parts) - 40} more" if len(parts) > 40 else ""
        return f"the model's signature is ({shown}{more})"


def _listed(specs: Sequence[Column | Tensor], default: str, named: bool) -> tuple[str, ...]:
    only = len(specs) == 1
    return tuple(
        spec.name if named or spec.name else default if only else f"{default}-{index}"
        for index, spec in enumerate(specs)
    )
