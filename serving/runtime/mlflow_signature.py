"""Reads a signature out of a loaded MLflow model, or out of the estimator when it has none."""

from __future__ import annotations

from typing import Any

from serving.runtime.signature import Column, ColumnType, Signature, Tensor


def read_signature(pyfunc: Any) -> Signature:
    """Return the signature of a loaded pyfunc model."""
    metadata = pyfunc.metadata
    schema = metadata.get_input_schema()
    output = metadata.get_output_schema()
    output_columns, output_tensors = _specs(output)
    if schema is None:
        columns = _estimator_columns(pyfunc)
        return Signature(
            columns=columns,
            named=any(column.name for column in columns),
            output_columns=output_columns,
            output_tensors=output_tensors,
        )
    columns, tensors = _specs(schema)
    hinted = bool(metadata._is_signature_from_type_hint())
    named = bool(columns) and all(spec.name is not None for spec in schema.inputs)
    if named and len({column.name for column in columns}) != len(columns):
        # JSON cannot tell 0 from "0": which column a request means would be a guess.
        raise ValueError(f"expected columns whose names differ as text, found {schema}")
    return Signature(
        columns=columns,
        tensors=tensors,
        output_columns=output_columns,
        output_tensors=output_tensors,
        named=named,
        nested=not hinted and any(column.type is ColumnType.OTHER for column in columns),
        hinted=hinted,
    )


def _specs(schema: Any) -> tuple[tuple[Column, ...], tuple[Tensor, ...]]:
    if schema is None:
        return (), ()
    if schema.is_tensor_spec():
        return (), tuple(
            Tensor(_name(spec), spec.type.name, tuple(spec.shape)) for spec in schema.inputs
        )
    return tuple(_column(index, spec) for index, spec in enumerate(schema.inputs)), ()


def _column(index: int, spec: Any) -> Column:
    label = index if spec.name is None else spec.name
    return Column(_name(spec), _column_type(spec.type), bool(spec.required), label)


def _name(spec: Any) -> str:
    return "" if spec.name is None else str(spec.name)


def _column_type(mlflow_type: Any) -> ColumnType:
    try:
        return ColumnType(str(mlflow_type.name))
    except (AttributeError, ValueError):
        return ColumnType.OTHER


def _estimator_columns(pyfunc: Any) -> tuple[Column, ...]:
    """Ask a scikit-learn estimator what it was fitted on, so that a wrong width is a 400."""
    estimator = getattr(pyfunc._model_impl, "sklearn_model", None)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return tuple(Column(str(name), ColumnType.OTHER, label=str(name)) for name in names)
    count = getattr(estimator, "n_features_in_", None)
    if count is None:
        return ()
    return tuple(Column("", ColumnType.OTHER, label=index) for index in range(count))
