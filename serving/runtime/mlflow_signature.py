"""Reads a signature out of a loaded MLflow model, or out of the estimator when it has none."""

from __future__ import annotations

from typing import Any

from mlflow.types.schema import Array, Map, Object

from serving.runtime.signature import (
    Anything,
    ArrayOf,
    Column,
    ColumnType,
    MapOf,
    NestedType,
    ObjectOf,
    Property,
    Signature,
    Tensor,
)


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
    hinted = bool(metadata._is_signature_from_type_hint())
    # What a hint says of lists and objects, MLflow checks with pydantic.
    columns, tensors = _specs(schema, nested=not hinted)
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
        hinted=hinted,
    )


def _specs(schema: Any, nested: bool = False) -> tuple[tuple[Column, ...], tuple[Tensor, ...]]:
    if schema is None:
        return (), ()
    if schema.is_tensor_spec():
        return (), tuple(
            Tensor(_name(spec), spec.type.name, tuple(spec.shape)) for spec in schema.inputs
        )
    return tuple(_column(index, spec, nested) for index, spec in enumerate(schema.inputs)), ()


def _column(index: int, spec: Any, nested: bool) -> Column:
    label = index if spec.name is None else spec.name
    found = _nested(spec.type) if nested else None
    if isinstance(found, ColumnType | Anything):
        found = None
    return Column(_name(spec), _column_type(spec.type), bool(spec.required), label, found)


def _nested(mlflow_type: Any) -> NestedType:
    match mlflow_type:
        case Array(dtype=item):
            return ArrayOf(_nested(item))
        case Map(value_type=item):
            return MapOf(_nested(item))
        case Object(properties=properties):
            return ObjectOf(
                tuple(Property(p.name, _nested(p.dtype), bool(p.required)) for p in properties)
            )
        case _:
            found = _column_type(mlflow_type)
            return Anything() if found is ColumnType.OTHER else found


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
