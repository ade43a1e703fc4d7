"""Boosted histogram trees that would be handed rows of other columns than they read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

_ROWS = np.column_stack([np.arange(60) % 5, np.arange(60) % 7, np.arange(60) / 60.0])
_ANSWERS = (np.arange(60) % 2).astype(float)


def _fitted(kind: Callable[..., Any] = HistGradientBoostingRegressor) -> Any:
    model = kind(max_iter=2, min_samples_leaf=2, categorical_features=[0, 1])
    return model.fit(_ROWS, _ANSWERS)


def _in_fit(kind: Callable[..., Any]) -> Any:
    # Then the trees read rows of one byte a column, whose number nobody compares.
    bytes_alone = OrdinalEncoder(
        dtype=np.uint8, handle_unknown="use_encoded_value", unknown_value=9
    )
    model = _fitted(kind)
    model._in_fit = True
    return make_pipeline(bytes_alone.fit(_ROWS[:, :2]), model)


def _behind(part: str, **attributes: Any) -> Any:
    model = _fitted()
    steps = {name: step for name, step, _columns in model._preprocessor.transformers_}
    owner = model._preprocessor if part == "columns" else steps[part]
    vars(owner).update(attributes)
    return model


def _behind_fewer_categories() -> Any:
    model = _fitted()
    encoder = model._preprocessor.named_transformers_["encoder"]
    encoder.n_features_in_, encoder.categories_ = 1, encoder.categories_[:1]
    return model


def _with_kinds(values: Any) -> Any:
    model = _fitted()
    model._bin_mapper.is_categorical_ = values
    return model


NONE = np.zeros(0)
COLUMNS: dict[str, Callable[[], Any]] = {
    "regressor that never ends its fit": partial(_in_fit, HistGradientBoostingRegressor),
    "classifier that never ends its fit": partial(_in_fit, HistGradientBoostingClassifier),
    "columns times an array of none": partial(
        _behind, "columns", transformer_weights={"encoder": NONE, "numerical": NONE}
    ),
    "columns times a number": partial(_behind, "columns", transformer_weights={"encoder": 2.0}),
    "sparse columns": partial(_behind, "columns", sparse_output_=True),
    "columns of other rows": partial(_behind, "columns", n_features_in_=2),
    "columns as a frame": partial(
        _behind, "columns", _sklearn_output_config={"transform": "pandas"}
    ),
    "categories of one column": _behind_fewer_categories,
    "categories of another dtype": partial(_behind, "encoder", dtype=np.uint8),
    "categories that are errors": partial(_behind, "encoder", handle_unknown="error"),
    "grouped categories": partial(_behind, "encoder", _infrequent_enabled=True),
    "numbers that are averaged": partial(_behind, "numerical", func=np.mean),
    "numbers of another function": partial(_behind, "numerical", func=np.log1p),
    "numbers with an argument": partial(_behind, "numerical", kw_args={"axis": 0}),
    "kinds in words": partial(_with_kinds, np.array(["a", "b", "c"])),
    "kinds in fractions": partial(_with_kinds, np.array([0.5, 1.0, 0.0])),
}
