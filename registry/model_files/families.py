"""Sorts classes into families, which decide where their objects may stand."""

from __future__ import annotations

import importlib
import inspect
from enum import Enum
from functools import cache
from typing import Any


class Family(Enum):
    """The kinds of classes that models are made of."""

    ESTIMATOR = "an estimator"
    CALIBRATED = "a calibrated classifier"
    TREE = "a tree"
    PREDICTOR = "a histogram tree"
    BINARY_TREE = "a neighbour tree"
    METRIC = "a distance metric"
    LOSS = "a loss"
    LOSS_PART = "a part of a loss"
    KERNEL = "a kernel"
    SPLITTER = "a splitter"
    SCORER = "a scorer"
    OPTIMIZER = "an optimizer"
    SELECTOR = "a column selector"
    BUNCH = "a bunch"
    TRIPLET = "an imputation step"
    BISECTING = "a bisecting tree"
    SPLINE = "a spline"
    SPARSE = "a sparse matrix"
    RANDOM = "a random state"
    BITS = "a bit generator"
    METADATA = "a metadata request"
    PARTIAL = "a partial function"
    CF_NODE = "a node of a tree of clusters"
    CF_SUBCLUSTER = "a cluster in a tree"


# Families whose objects are made by `__new__` and the setting of attributes.
ATTRIBUTES = frozenset(
    {
        Family.ESTIMATOR, Family.CALIBRATED, Family.LOSS, Family.KERNEL,
        Family.SPLITTER, Family.SCORER, Family.OPTIMIZER, Family.SELECTOR, Family.BISECTING,
        Family.METADATA,
    }
)  # fmt: skip
_EXACT = {
    ("sklearn.tree._tree", "Tree"): Family.TREE,
    ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"): Family.PREDICTOR,
    ("sklearn.calibration", "_CalibratedClassifier"): Family.CALIBRATED,
    ("sklearn.compose._column_transformer", "make_column_selector"): Family.SELECTOR,
    ("sklearn.utils._bunch", "Bunch"): Family.BUNCH,
    ("sklearn.impute._iterative", "_ImputerTriplet"): Family.TRIPLET,
    ("sklearn.cluster._bisect_k_means", "_BisectingTree"): Family.BISECTING,
    ("sklearn._loss.link", "Interval"): Family.LOSS_PART,
    ("sklearn.metrics._scorer", "_PassthroughScorer"): Family.SCORER,
    ("sklearn.metrics._scorer", "_Scorer"): Family.SCORER,
    ("sklearn.metrics._scorer", "_CurveScorer"): Family.SCORER,
    ("sklearn.utils._metadata_requests", "MetadataRequest"): Family.METADATA,
    ("sklearn.utils._metadata_requests", "MethodMetadataRequest"): Family.METADATA,
    ("functools", "partial"): Family.PARTIAL,
    ("sklearn.cluster._birch", "_CFNode"): Family.CF_NODE,
    ("sklearn.cluster._birch", "_CFSubcluster"): Family.CF_SUBCLUSTER,
    ("scipy.interpolate._bsplines", "BSpline"): Family.SPLINE,
    ("numpy.random.mtrand", "RandomState"): Family.RANDOM,
    ("numpy.random._generator", "Generator"): Family.RANDOM,
    ("numpy.random._pcg64", "PCG64"): Family.BITS,
    ("numpy.random._mt19937", "MT19937"): Family.BITS,
}
_BASES = (
    ("sklearn.base", "BaseEstimator", Family.ESTIMATOR),
    ("sklearn.gaussian_process.kernels", "Kernel", Family.KERNEL),
    ("sklearn._loss.loss", "BaseLoss", Family.LOSS),
    ("sklearn._loss.link", "BaseLink", Family.LOSS_PART),
    ("sklearn.model_selection._split", "BaseCrossValidator", Family.SPLITTER),
    ("sklearn.model_selection._split", "BaseShuffleSplit", Family.SPLITTER),
    ("sklearn.model_selection._split", "_UnsupportedGroupCVMixin", Family.SPLITTER),
    ("sklearn.neural_network._stochastic_optimizers", "BaseOptimizer", Family.OPTIMIZER),
)
_SPARSE = {"csr_matrix", "csr_array", "csc_matrix", "csc_array"}
_NEIGHBOURS = {"KDTree", "KDTree64", "KDTree32", "BallTree", "BallTree64", "BallTree32"}


@cache
def family(cls: type) -> Family | None:
    """Return the family of a class; None if models are not made of it."""
    module, name = cls.__module__, cls.__name__
    if (module, name) in _EXACT:
        return _EXACT[(module, name)]
    if module.startswith("scipy.sparse.") and name in _SPARSE:
        return Family.SPARSE
    if module.startswith("sklearn.neighbors.") and name in _NEIGHBOURS:
        return Family.BINARY_TREE
    if inspect.isabstract(cls):
        return None
    if module == "sklearn.metrics._dist_metrics":
        return Family.METRIC if _is_metric(cls) else None
    if module == "sklearn._loss._loss":
        is_loss = name.startswith("Cy") and name != "CyLossFunction"
        return Family.LOSS_PART if is_loss else None
    if module == "sklearn.linear_model._sgd_fast" and _is_loss(cls):
        return Family.LOSS_PART
    if not module.startswith("sklearn."):
        return None
    for base_module, base, kind in _BASES:
        if issubclass(cls, getattr(importlib.import_module(base_module), base)):
            return kind if _is_made_empty(cls) else None
    return None


def _is_made_empty(cls: type) -> bool:
    """Return whether `__new__` makes an empty object, perhaps with scikit-learn's own warning."""
    new: Any = cls.__new__
    if new is object.__new__ or not inspect.isfunction(new):
        return new is object.__new__
    deprecation: Any = importlib.import_module("sklearn.utils.deprecation")
    warns = deprecation.deprecated._decorate_class.__code__.co_consts
    return (
        new.__code__ in warns and inspect.getclosurevars(new).nonlocals.get("new") is object.__new__
    )


def _is_metric(cls: type) -> bool:
    module: Any = importlib.import_module("sklearn.metrics._dist_metrics")
    # A PyFuncDistance calls what its state holds.
    return cls.__name__.endswith(("Distance64", "Distance", "Distance32")) and (
        issubclass(cls, module.DistanceMetric) and not cls.__name__.startswith("PyFunc")
    )


def _is_loss(cls: type) -> bool:
    module: Any = importlib.import_module("sklearn._loss._loss")
    return issubclass(cls, module.CyLossFunction) and cls.__name__ not in {
        "Classification", "Regression",
    }  # fmt: skip
