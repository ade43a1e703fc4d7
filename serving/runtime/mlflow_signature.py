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
        return Signature(
            columns=_estimator_columns(pyfunc),
            output_columns=output_columns,
            output_tensors=output_tensors,
        )
    columns, tensors = _specs(schema)
    hinted = bool(metadata._is_signature_from_type_hint())
    return Signature(
        columns=columns,
        tensors=tensors,
        output_columns=output_columns,
        output_tensors=output_tensors,
        nested=not hinted and any(column.type is ColumnType.OTHER for column in columns),
        hinted=hinted,
    )


def _specs(schema: Any) -> tuple[tuple[Column, ...], tuple[Tensor, ...]]:
    if schema is None:
        return (), ()
    if schema.is_tensor_spec():
        return (), tuple(
            Tensor(spec.name or "", spec.type.name, tuple(spec.shape)) for spec in schema.inputs
        )
    return (
        tuple(
            Column(str(spec.name or ""), _column_type(spec.type), bool(spec.required))
            for spec in schema.inputs
        ),
        (),
    )


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
        return tuple(Column(str(name), ColumnType.OTHER) for name in names)
    count = getattr(estimator, "n_features_in_", None)
    return () if count is None else tuple(Column("", ColumnType.OTHER) for _ in range(count))
