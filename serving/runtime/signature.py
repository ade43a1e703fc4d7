"""A model's signature, read once from its MLflow metadata."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
        """Name of the type in the Open Inference Protocol."""
        return _V2_DATATYPES.get(self, "BYTES")

    @property
    def numpy_name(self) -> str | None:
        """The numpy type that MLflow's schema enforcement would hand to the model."""
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
class Column:
    """One column of a table; `name` is empty in a signature without names."""

    name: str
    type: ColumnType
    required: bool = True


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor; -1 in `shape` matches any length."""

    name: str
    numpy_name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives. No columns and no tensors: the model declares nothing.

    Attributes:
        nested: a column holds lists or objects, so MLflow's own enforcement must read it.
        hinted: the types come from Python type hints and the model itself checks its input.
    """

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    output_columns: tuple[Column, ...] = ()
    output_tensors: tuple[Tensor, ...] = ()
    nested: bool = False
    hinted: bool = False

    @property
    def named(self) -> bool:
        """Whether the columns have names."""
        return bool(self.columns) and all(column.name for column in self.columns)

    @property
    def uniform_float(self) -> str | None:
        """The one floating-point numpy type of all columns, or None if they differ."""
        types = {column.type for column in self.columns}
        if len(types) == 1 and types <= {ColumnType.DOUBLE, ColumnType.FLOAT}:
            return types.pop().numpy_name
        return None

    @property
    def numeric(self) -> bool:
        """Whether every column is a number."""
        return bool(self.columns) and {column.type for column in self.columns} <= _NUMBERS

    def describe(self) -> str:
        """Write the inputs for a person, at most some 600 characters."""
        if self.columns:
            parts = [
                f"{column.name or index}: {column.type}{'' if column.required else ' (optional)'}"
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
