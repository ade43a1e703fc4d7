"""Selects the columns that a model sees of a holdout, in its signature's types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from compliance.errors import EvidenceError
from compliance.evidence import holdout_columns
from compliance.evidence.catalogue import Binding
from compliance.evidence.holdout_file import Table
from compliance.evidence.model_inputs import Input, Inputs

if TYPE_CHECKING:
    import pandas as pd

_REPIN = "pin a holdout with those columns: acgs evidence add ... --replace"


def select_features(table: Table, binding: Binding, inputs: Inputs) -> pd.DataFrame:
    """Return what the model may see; never the label.

    Raises:
        EvidenceError: the signature asks for the label, for a column that the holdout lacks or
            the binding hides, or for a type that a column does not fit.
    """
    import pandas as pd

    if any(str(column.name) == binding.label for column in inputs.columns):
        raise EvidenceError(
            f"the model's signature asks for the label {binding.label!r}",
            hint="train without the label among the features",
        )
    table = table.knowing(str(column.name) for column in inputs.columns)
    columns = _visible(table, binding) if not inputs.is_named else []
    if inputs.is_named:
        found = _named(table, binding, inputs.columns)
    elif inputs.matrix_dtype is not None:
        _expect_width(columns, inputs.width)
        dtype = inputs.matrix_dtype
        found = {name: holdout_columns.typed(table, name, dtype) for name in columns}
    elif inputs.columns:
        _expect_width(columns, len(inputs.columns))
        found = {
            name: _one(table, name, column)
            for name, column in zip(columns, inputs.columns, strict=True)
        }
    else:
        found = _untyped(table, columns)
    if not found:
        raise EvidenceError("expected at least one column that the model may see, found none")
    return pd.DataFrame(found)


def _visible(table: Table, binding: Binding) -> list[str]:
    held_back = {binding.label, *binding.sensitive}
    columns = list(binding.features) or [c for c in table.columns if c not in held_back]
    _expect_present([column for column in columns if column not in table.columns])
    return columns


def _named(table: Table, binding: Binding, inputs: Sequence[Input]) -> dict[str | int, Any]:
    allowed = set(binding.features) or set(table.columns)
    hidden = [
        str(column.name)
        for column in inputs
        if column.required and str(column.name) not in allowed and str(column.name) in table.columns
    ]
    if hidden:
        raise EvidenceError(
            f"the model asks for the columns {', '.join(hidden)}, which the evidence binding hides",
            hint="train without them, or name them: acgs evidence add ... --feature",
        )
    _expect_present(
        [str(c.name) for c in inputs if c.required and str(c.name) not in table.columns]
    )
    found: dict[str | int, Any] = {}
    for column in inputs:
        name = str(column.name)
        if name in allowed and name in table.columns and column.name is not None:
            found[column.name] = _one(table, name, column)
    return found


def _one(table: Table, name: str, column: Input) -> pd.Series[Any]:
    if column.dtype is not None:
        return holdout_columns.typed(table, name, column.dtype)
    if table.is_text:
        raise EvidenceError(
            f"{table.called(name)}: expected values with parts, as the model's signature says, "
            "found a CSV file, which holds none",
            hint="pin a Parquet holdout: acgs evidence add ... --replace",
        )
    return holdout_columns.stored(table, name)


def _untyped(table: Table, columns: Sequence[str]) -> dict[str | int, Any]:
    if table.is_text:
        raise EvidenceError(
            "expected a signature that says the columns' types, since a CSV file says none, "
            "found a model without",
            hint="log the model with signature=infer_signature(X, model.predict(X)), "
            "or pin a Parquet holdout",
        )
    return {name: holdout_columns.stored(table, name) for name in columns}


def _expect_present(missing: Sequence[str]) -> None:
    if missing:
        raise EvidenceError(
            f"the holdout lacks the columns {', '.join(missing)} that the model asks for",
            hint=_REPIN,
        )


def _expect_width(columns: Sequence[str], width: int | None) -> None:
    if width is not None and width != len(columns):
        raise EvidenceError(
            f"the model takes {width} columns without names, the holdout shows it {len(columns)}",
            hint="name the columns that it may see: acgs evidence add ... --feature",
        )
