"""Says where objects may stand in an object: which attribute holds which kind, in which form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry.model_files.errors import MalformedError
from registry.model_files.families import Family, family
from registry.model_files.nodes import Array, Instance
from registry.model_files.plain import describe, plain_problem

# What scikit-learn accepts in the place of an estimator.
_WORDS = frozenset({"drop", "passthrough", "deprecated", "warn", "zero"})

Held = Iterator[Instance]


@dataclass(frozen=True, slots=True)
class Holder:
    """What an attribute holds.

    Attributes:
        families: kinds of objects that may stand there.
        form: walks the value and yields the objects; raises on any other value.
        optional: plain data may stand there instead.
    """

    families: frozenset[Family]
    form: Callable[[object], Iterator[object]]
    optional: bool = False

    def held(self, value: object) -> Held:
        """Yield the objects that the value holds.

        Raises:
            MalformedError: something else stands there.
        """
        if self.optional and plain_problem(value) is None:
            return
        for item in self.form(value):
            if isinstance(item, Instance) and family(item.cls) in self.families:
                yield item
            elif item is not None and not (isinstance(item, str) and item in _WORDS):
                kind = next(iter(sorted(f.value for f in self.families)))
                raise MalformedError(f"{describe(item)} where {kind} belongs")


def one(value: object) -> Iterator[object]:
    """Walk a single object."""
    yield value


def many(value: object) -> Iterator[object]:
    """Walk a list, a tuple or an array of objects; lists in lists too."""
    if isinstance(value, Array) and value.values is not None and value.values.dtype.kind == "O":
        yield from value.values.ravel(order="K")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from many(item) if isinstance(item, list | tuple) else one(item)
    else:
        raise MalformedError(f"{describe(value)} where a list of estimators belongs")


def pairs(value: object) -> Iterator[object]:
    """Walk a list of (name, object) or (name, object, columns)."""
    if not isinstance(value, list | tuple):
        raise MalformedError(f"{describe(value)} where a list of steps belongs")
    for item in value:
        if not isinstance(item, tuple | list) or len(item) not in (2, 3):
            raise MalformedError(f"{describe(item)} where a step belongs")
        if not isinstance(item[0], str):
            raise MalformedError(f"{describe(item[0])} where a step's name belongs")
        yield item[1]
        if len(item) == 3 and not _is_selector(item[2]):
            problem = plain_problem(item[2])
            if problem is not None:
                raise MalformedError(f"{problem} (columns of step {item[0][:40]!r})")


def pair(value: object) -> Iterator[object]:
    """Walk one (name, object, columns)."""
    yield from pairs([value])


def one_or_named(value: object) -> Iterator[object]:
    """Walk a single object, or the values of a dict whose keys are text."""
    yield from named(value) if isinstance(value, dict) else one(value)


def named(value: object) -> Iterator[object]:
    """Walk the values of a dict or bunch whose keys are text."""
    items = value.items if isinstance(value, Instance) else value
    if not isinstance(items, dict) or not all(isinstance(key, str) for key in items):
        raise MalformedError(f"{describe(value)} where named estimators belong")
    if isinstance(value, Instance) and (
        family(value.cls) is not Family.BUNCH
        or any(hasattr(dict, key) or key.startswith("__") for key in items)
    ):
        raise MalformedError(f"{describe(value)} where named estimators belong")
    yield from items.values()


def selectors(value: object) -> Iterator[Instance]:
    """Yield the column selectors of a list of steps."""
    for item in value if isinstance(value, list | tuple) else ():
        if isinstance(item, tuple | list) and len(item) == 3 and _is_selector(item[2]):
            yield item[2]


def _is_selector(value: object) -> bool:
    return isinstance(value, Instance) and family(value.cls) is Family.SELECTOR


def _of(
    *families: Family, form: Callable[[object], Iterator[object]] = one, optional: bool = False
) -> Holder:
    return Holder(frozenset(families), form, optional)


_ESTIMATOR = _of(Family.ESTIMATOR)
_ESTIMATORS = _of(Family.ESTIMATOR, form=many)
_STEPS = _of(Family.ESTIMATOR, form=pairs)
_RANDOM = _of(Family.RANDOM, optional=True)

HOLDERS: dict[str, Holder] = {
    **dict.fromkeys(
        (
            "base_estimator", "base_estimator_", "best_estimator_", "estimator", "estimator_",
            "final_estimator", "final_estimator_", "regressor", "regressor_", "transformer",
            "transformer_", "init_", "initial_imputer_", "indicator_", "kernel_pca_", "nbrs_",
            "nn_fit",
            "one_hot_encoder_", "label_binarizer_", "le_", "_bin_mapper", "_centerer", "_encoder",
            "_estimator", "_tfidf", "_label_binarizer", "_label_encoder", "_preprocessor",
            "_scaler",
        ),
        _ESTIMATOR,
    ),
    **dict.fromkeys(("estimators_", "calibrators", "pipeline_", "clusterers_"), _ESTIMATORS),
    **dict.fromkeys(
        ("steps", "transformers", "transformers_", "transformer_list", "estimators"), _STEPS
    ),
    "remainder": _of(Family.ESTIMATOR),
    "_remainder": _of(Family.ESTIMATOR, form=pair),
    "named_estimators_": _of(Family.ESTIMATOR, form=named),
    "calibrated_classifiers_": _of(Family.CALIBRATED, form=many),
    "imputation_sequence_": _of(Family.TRIPLET, form=many),
    "_tree": _of(Family.BINARY_TREE),
    "tree_": _of(Family.TREE, Family.BINARY_TREE),
    "_predictors": _of(Family.PREDICTOR, form=many),
    "_loss": _of(Family.LOSS),
    "_base_loss": _of(Family.LOSS),
    "_loss_function_": _of(Family.LOSS_PART),
    "loss_function_": _of(Family.LOSS_PART),
    "closs": _of(Family.LOSS_PART),
    "link": _of(Family.LOSS_PART, optional=True),
    "interval_y_true": _of(Family.LOSS_PART),
    "interval_y_pred": _of(Family.LOSS_PART),
    "kernel_": _of(Family.KERNEL),
    "kernel": _of(Family.KERNEL),
    "k1": _of(Family.KERNEL),
    "k2": _of(Family.KERNEL),
    "kernels": _of(Family.KERNEL, form=many),
    "bsplines_": _of(Family.SPLINE, form=many),
    "scorer_": _of(Family.SCORER, form=one_or_named),
    "_scorer": _of(Family.SCORER),
    "_checked_cv_orig": _of(Family.SPLITTER, optional=True),
    "_curve_scorer": _of(Family.SCORER),
    "_metadata_request": _of(Family.METADATA),
    "owner": _of(Family.ESTIMATOR, Family.SCORER, Family.SPLITTER),
    "_optimizer": _of(Family.OPTIMIZER),
    "_bisecting_tree": _of(Family.BISECTING),
    "left": _of(Family.BISECTING),
    "right": _of(Family.BISECTING),
    **dict.fromkeys(
        ("random_state", "random_state_", "_random_state", "_rng", "rng",
         "_feature_subsample_rng"),
        _RANDOM,
    ),
}  # fmt: skip
