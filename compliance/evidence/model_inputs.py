"""Reads a model's inputs from its `MLmodel` file, names and types as MLflow compares them.

The registry keeps names as text; MLflow tells a column named 0 from one named "0".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compliance.errors import EvidenceError
from registry.domain.signature import Signature
from registry.files.adapters.artifact_files import read_mlmodel

# Source: mlflow.types.schema.DataType.to_numpy (3.17).
_TYPES: Mapping[str, np.dtype[Any]] = {
    "boolean": np.dtype(np.bool_),
    "integer": np.dtype(np.int32),
    "long": np.dtype(np.int64),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "string": np.dtype(np.str_),
    "binary": np.dtype(np.bytes_),
    "datetime": np.dtype("datetime64[ns]"),
}
_HINT = "log the model again with signature=infer_signature(X, model.predict(X))"


@dataclass(frozen=True, slots=True)
class Input:
    """One column that a model takes.

    Attributes:
        name: as its signature writes it; None where it names none.
        dtype: None for values with parts (arrays, objects), which only Parquet stores.
    """

    name: str | int | None
    dtype: np.dtype[Any] | None
    required: bool = True


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a model takes.

    Attributes:
        matrix_dtype: for one tensor of rows: the type of every column.
        width: of that tensor; None where it takes any.
    """

    columns: tuple[Input, ...] = ()
    matrix_dtype: np.dtype[Any] | None = None
    width: int | None = None

    @property
    def is_declared(self) -> bool:
        """Whether there is a signature with inputs."""
        return bool(self.columns) or self.matrix_dtype is not None

    @property
    def is_named(self) -> bool:
        """Whether every column has a name."""
        return bool(self.columns) and all(column.name is not None for column in self.columns)


def read(folder: Path) -> Inputs:
    """Return the inputs that a model's files declare; empty if they declare none.

    Raises:
        EvidenceError: the signature is none that MLflow writes, or asks for tensors that no
            table holds.
        registry.errors.ArtifactError: `MLmodel` cannot be read.
    """
    raw = ((read_mlmodel(folder) or {}).get("signature") or {}).get("inputs")
    if not raw:
        return Inputs()
    try:
        return _parsed(json.loads(raw) if isinstance(raw, str) else raw)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise EvidenceError(
            "expected a signature as MLflow writes it, found another", hint=_HINT
        ) from None


def _parsed(specs: list[Mapping[str, Any]]) -> Inputs:
    tensors = [spec["type"] == "tensor" for spec in specs]
    if all(tensors) and len(specs) == 1 and specs[0].get("name") is None:
        return _matrix(specs[0]["tensor-spec"])
    return Inputs(tuple(map(_input, specs)))


def _matrix(spec: Mapping[str, Any]) -> Inputs:
    shape = [int(size) for size in spec["shape"]]
    if len(shape) > 2:
        raise EvidenceError(
            f"expected a signature of columns or of rows of numbers, found a tensor of "
            f"{len(shape)} dimensions, which no table holds",
            hint=_HINT,
        )
    width = shape[1] if len(shape) == 2 else 1
    return Inputs(matrix_dtype=np.dtype(spec["dtype"]), width=width if width >= 0 else None)


def _input(spec: Mapping[str, Any]) -> Input:
    name, kind = spec.get("name"), spec["type"]
    if name is not None and (isinstance(name, bool) or not isinstance(name, (str, int))):
        raise ValueError("expected a name")
    if kind == "tensor":
        return Input(name, np.dtype(spec["tensor-spec"]["dtype"]))
    return Input(name, _TYPES.get(kind), bool(spec.get("required", True)))


def inferred(signature: Signature | None) -> Inputs:
    """Return the inputs that the registry inferred from a logged example; none without one."""
    if signature is None:
        return Inputs()
    return _parsed(
        [{"name": f.name, **json.loads(f.type), "required": f.required} for f in signature.inputs]
    )
