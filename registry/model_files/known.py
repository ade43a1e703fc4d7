"""Lists which classes, functions and types a model file may name.

Classes are scikit-learn's, asked of the class itself; functions and numpy types are exact lists. A
module is imported only if it is scikit-learn's, and none of those that do something on import, run
commands or download.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np

from registry.model_files import limits
from registry.model_files.nodes import Named

_SKLEARN = re.compile(r"^sklearn(\.[A-Za-z_][A-Za-z0-9_]*)+$")
_NEVER = {
    "tests", "_testing", "datasets", "externals", "conftest", "experimental", "_build_utils",
    "callback", "inspection", "_repr_html", "_mocking", "_test_common", "estimator_checks",
    "__check_build",
}  # fmt: skip

# What metrics that compare answers with the truth call the truth.
_TRUTHS = {"y_true", "labels_true"}
_NUMPY_FUNCTIONS = frozenset(
    {
        "log", "log2", "log10", "log1p", "exp", "exp2", "expm1", "sqrt", "cbrt", "square", "abs",
        "absolute", "fabs", "negative", "positive", "reciprocal", "sign", "sin", "cos", "tan",
        "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh",
        "deg2rad", "rad2deg", "degrees", "radians", "floor", "ceil", "trunc", "rint", "isnan",
        "isinf", "isfinite", "logical_not", "round", "around", "clip", "nan_to_num", "mean",
        "median", "max", "min", "amax", "amin", "sum",
    }
)  # fmt: skip
_SCIPY_FUNCTIONS = frozenset(
    {"expit", "logit", "log_expit", "erf", "erfc", "erfinv", "exp10", "exp2", "cbrt", "expm1",
     "log1p"}
)  # fmt: skip
_NUMPY_TYPES = frozenset(
    {
        "bool_", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128", "str_", "bytes_", "object_",
        "number", "integer", "signedinteger", "unsignedinteger", "inexact", "floating", "generic",
        "datetime64", "timedelta64", "longlong", "ulonglong", "intc", "uintc",
    }
)  # fmt: skip
_PYTHON_TYPES: dict[str, type] = {
    t.__name__: t for t in (bool, int, float, complex, str, bytes, object)
}
# Score functions of feature selection; nothing calls them once a model is fitted.
_SCORES = {
    "sklearn.feature_selection._univariate_selection": {
        "f_classif", "f_regression", "f_oneway", "chi2", "r_regression",
    },
    "sklearn.feature_selection._mutual_info": {"mutual_info_classif", "mutual_info_regression"},
}  # fmt: skip
_OTHERS = {("scipy.interpolate._bsplines", "BSpline"), ("functools", "partial")}
BOOSTING = "sklearn.ensemble._hist_gradient_boosting.gradient_boosting"
KEPT_METHOD = "_raw_predict"
_PLAIN_CONSTRUCTORS = frozenset(
    {
        ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "slice"),
        ("builtins", "range"), ("builtins", "complex"), ("builtins", "dict"),
        ("builtins", "list"), ("_codecs", "encode"),
        ("collections", "OrderedDict"), ("copyreg", "_reconstructor"),
        # For the one method that boosting by histograms keeps of itself; see `calls`.
        ("builtins", "getattr"), ("cloudpickle.cloudpickle", "_builtin_type"),
        (BOOSTING, f"BaseHistGradientBoosting.{KEPT_METHOD}"),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy.ma", "MaskedArray"),
        ("numpy.ma.core", "MaskedArray"), ("numpy.ma.core", "_mareconstruct"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._mt19937", "MT19937"), ("numpy.random._pcg64", "PCG64"),
        ("numpy.random.bit_generator", "SeedSequence"),
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        ("sklearn.neighbors._kd_tree", "newObj"), ("sklearn.neighbors._ball_tree", "newObj"),
        ("sklearn.metrics._dist_metrics", "newObj"),
    }
    | {
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"),
        )
    }
)  # fmt: skip


@cache
def find(module: str, name: str) -> object | None:
    """Return what a global stands for in the tree, or None if it may not be named."""
    if max(len(module), len(name)) > limits.MAX_NAME_CHARACTERS:
        return None
    value = _function(module, name) or _type(module, name)
    if value is not None:
        return value
    if (module, name) in _PLAIN_CONSTRUCTORS:
        return Named(f"{module}.{name}")
    found = find_class(module, name)
    if found is not None:
        return Named(f"{module}.{name}", found)
    if name.startswith("__pyx_unpickle_"):
        found = find_class(module, name.removeprefix("__pyx_unpickle_"))
        return Named(f"{module}.{name}", found) if found is not None else None
    return None


def refused(kind: str, module: str, name: str) -> str:
    """Return the message for a global or type that may not be named, with any remedy."""
    text = f"{kind} {module[:100]}.{name[:100]}"
    if module.startswith("scipy.stats."):
        text += " (a distribution: search over lists instead, or log the search's best_estimator_)"
    return text


@lru_cache(maxsize=4096)
def find_class(module: str, name: str) -> type | None:
    """Return a class that models are made of, or None if it is not known."""
    from registry.model_files.families import family

    if (module, name) in _OTHERS or module in {"scipy.sparse._csr", "scipy.sparse._csc"}:
        found = getattr(importlib.import_module(module), name, None)
    elif _SKLEARN.match(module) and not _NEVER & set(module.split(".")) and name.isidentifier():
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            return None
    else:
        return None
    if not isinstance(found, type) or found.__module__ != module:
        return None
    return found if family(found) is not None else None


def is_transformation(value: object) -> bool:
    """Return whether a value is a function that a `func` parameter may hold."""
    return any(value is known for known in _transformations())


def is_score(value: object) -> bool:
    """Return whether a value is a score function of feature selection."""
    return any(value is score for score in _scores())


def is_metric(value: object) -> bool:
    """Return whether a value is one of the metrics that scikit-learn itself defines."""
    return any(value is metric for metric in _metrics().values())


def is_kind(value: object) -> bool:
    """Return whether a value is one of the types that may stand for a dtype."""
    if isinstance(value, np.dtype):
        return value.kind in "biufcSUMmO" and value.names is None and value.subdtype is None
    return isinstance(value, type) and (
        value in _PYTHON_TYPES.values() or issubclass(value, np.generic)
    )


@cache
def spline_helper() -> object:
    """Return the function that scipy keeps in each of its splines."""
    from scipy.interpolate import BSpline

    return vars(BSpline(np.array([0.0, 1.0]), np.array([1.0]), 0)).get("_asarray")


@cache
def check_array() -> object:
    """Return scikit-learn's check, which histogram boosting wraps to pass numbers on."""
    return importlib.import_module("sklearn.utils.validation").check_array


def is_repeated(named: Named) -> bool:
    """Return whether a file names one of the classes whose splits another one repeats."""
    module: Any = importlib.import_module("sklearn.model_selection._split")
    return named.target in (module.KFold, module.StratifiedKFold)


@cache
def kmeans_steps() -> tuple[object, ...]:
    """Return the functions of which bisecting k-means keeps one."""
    module = importlib.import_module("sklearn.cluster._kmeans")
    names = ("_kmeans_single_lloyd", "_kmeans_single_elkan")
    return tuple(getattr(module, name) for name in names)


@cache
def _transformations() -> tuple[object, ...]:
    import scipy.special

    return (
        *(getattr(np, name) for name in sorted(_NUMPY_FUNCTIONS)),
        *(getattr(scipy.special, name) for name in sorted(_SCIPY_FUNCTIONS)),
    )


@cache
def _scores() -> frozenset[Callable[..., Any]]:
    return frozenset(
        getattr(importlib.import_module(module), name)
        for module, names in _SCORES.items()
        for name in names
    )


@cache
def _metrics() -> dict[tuple[str, str], object]:
    metrics: Any = importlib.import_module("sklearn.metrics")
    functions = [
        found
        for found in (getattr(metrics, name) for name in metrics.__all__)
        if inspect.isfunction(found)
        and next(iter(inspect.signature(found).parameters), "") in _TRUTHS
    ]
    return {(found.__module__, found.__name__): found for found in functions}


def _function(module: str, name: str) -> object | None:
    package = module.split(".")[0]
    if package == "numpy" and name in _NUMPY_FUNCTIONS:
        return getattr(np, name, None)
    if (module == "scipy.special" or module.startswith("scipy.special.")) and (
        name in _SCIPY_FUNCTIONS
    ):
        import scipy.special

        return getattr(scipy.special, name, None)
    if name in _SCORES.get(module, ()):
        return getattr(importlib.import_module(module), name, None)
    if module.startswith("sklearn.metrics."):
        return _metrics().get((module, name))
    if module == "sklearn.cluster._kmeans":
        return next((f for f in kmeans_steps() if getattr(f, "__name__", "") == name), None)
    if (module, name) == ("sklearn.utils.validation", "check_array"):
        return check_array()
    if (module, name) == ("scipy._lib.array_api_compat.numpy._aliases", "asarray"):
        return spline_helper()
    return None


def _type(module: str, name: str) -> object | None:
    if module == "numpy" and name in _NUMPY_TYPES:
        return getattr(np, name, None)
    if module == "builtins":
        return _PYTHON_TYPES.get(name)
    return None
