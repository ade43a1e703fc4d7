"""Judges a tree: which classes it has, and for each class which attribute may hold what."""

from __future__ import annotations

from collections.abc import Callable

from registry.model_files import cf_trees, choices, invariants, known, lowlevel
from registry.model_files.attributes import known_attributes, shadows
from registry.model_files.errors import MalformedError
from registry.model_files.families import ATTRIBUTES, Family, family
from registry.model_files.holders import HOLDERS, selectors
from registry.model_files.nodes import Array, Instance, Method, Named
from registry.model_files.parameters import is_judged, parameter_problem
from registry.model_files.pickle_reader import Problems
from registry.model_files.plain import describe, kind_problem, plain_problem, scalar_problem
from registry.model_files.shape import check_shape

_METHODS = frozenset(
    {
        "predict", "predict_proba", "predict_log_proba", "decision_function", "transform",
        "score_samples", "fit_transform", "auto", "default", "kd_tree", "ball_tree", "brute",
        "isotonic", "sigmoid", "temperature", "exact", "barnes_hut", "yeo-johnson", "box-cox",
    }
)  # fmt: skip
# What a fitted estimator multiplies, compares or looks up.
_ARRAYS = frozenset(
    {
        "coef_", "classes_", "support_vectors_", "dual_coef_", "components_", "cluster_centers_",
        "categories_", "theta_", "feature_log_prob_", "means_", "scalings_", "coefs_",
        "intercepts_", "bin_edges_", "quantiles_", "lambdas_", "statistics_",
    }
)  # fmt: skip
_OUTPUTS = {"default", "pandas", "polars"}
_KINDS = frozenset({"dtype", "_fit_dtype", "_fill_dtype", "dtype_include", "dtype_exclude"})


def judge(root: object, problems: Problems) -> None:
    """Add to `problems` everything that keeps a tree from being a plain scikit-learn estimator."""
    try:
        check_shape(root)
        if not isinstance(root, Instance) or family(root.cls) is not Family.ESTIMATOR:
            problems.add(f"{describe(root)} where an estimator belongs")
            return
        _Judge(problems).instance(root, root.cls.__name__)
    except MalformedError as err:
        problems.add(str(err))
    except RecursionError:
        problems.add("nested too deeply")
    except Exception as err:
        problems.add(f"cannot be judged ({type(err).__name__}: {str(err)[:200]})")


class _Judge:
    """Visits every object once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._seen: set[int] = set()

    def instance(self, node: Instance, path: str) -> None:
        """Judge one object and everything in it."""
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        kind = family(node.cls)
        if kind in ATTRIBUTES:
            self._attributes(node, path)
            return
        check = _CHECKS.get(kind) if kind is not None else None
        if kind is Family.TRIPLET:
            self._triplet(node, path)
        elif check is None:
            self._refuse(path, f"{describe(node)} does not belong here")
        else:
            problem = check(node)
            if problem is not None:
                self._refuse(path, problem)

    def _refuse(self, path: str, problem: str) -> None:
        self._problems.add(f"{path}: {problem}")

    def _attributes(self, node: Instance, path: str) -> None:
        state = node.state if node.state is not None else {}
        if not isinstance(state, dict) or node.args or node.items is not None:
            self._refuse(path, f"{describe(node)} with a foreign state")
            return
        for name, value in state.items():
            if not isinstance(name, str) or not name.isidentifier() or name.startswith("__"):
                self._refuse(path, f"an attribute named {str(name)[:40]!r}")
                continue
            if isinstance(value, Method) and value.owner is node and value.name == name:
                continue  # what the class itself has under this name; it is not written again
            here = f"{path}.{name}"
            try:
                problem = self._attribute(node.cls, name, value, here)
            except MalformedError as err:
                problem = str(err)
            if problem is not None:
                self._refuse(here, problem)
        if not self._problems:
            problem = invariants.check(node)
            if problem is not None:
                self._refuse(path, problem)

    def _attribute(self, cls: type, name: str, value: object, path: str) -> str | None:
        if shadows(cls, name):
            return f"hides what {cls.__name__} defines under this name"
        if name not in known_attributes(cls):
            return f"an attribute that scikit-learn does not set on {cls.__name__}"
        if name == "_sklearn_version":
            return None if isinstance(value, str) else "no version"
        if name == "_sklearn_output_config":
            return _output_problem(value)
        if cf_trees.is_birch(cls) and name in cf_trees.SET_ASIDE:
            return None  # judged as a whole, with what it must fit
        if name in choices.ATTRIBUTES and choices.is_search(cls):
            for item in choices.choices(value):
                self.instance(item, path)
            return None
        if is_judged(cls, name):
            problem = parameter_problem(cls, name, value)
            return problem or self._parameter(name, value, path)
        if name in _KINDS:
            kinds = value if isinstance(value, list | tuple) else [value]
            return next(filter(None, map(kind_problem, kinds)), None)
        if "method" in name and family(cls) is not Family.METADATA:
            return _method_problem(value)
        return self._held(cls, name, value, path)

    def _held(self, cls: type, name: str, value: object, path: str) -> str | None:
        holder = HOLDERS.get(
            "_metadata_request"
            if family(cls) is Family.METADATA
            and (isinstance(value, Instance) and family(value.cls) is Family.METADATA)
            else name
        )
        if name == "_score_func":
            return None if known.is_metric(value) else f"{describe(value)} where a metric belongs"
        if name == "_kmeans_single":
            found = any(value is step for step in known.kmeans_steps())
            return None if found else f"{describe(value)} where a step of k-means belongs"
        if name == "cv" and family(cls) is Family.SPLITTER and isinstance(value, Named):
            return None if known.is_repeated(value) else f"{describe(value)} where splits belong"
        if holder is None or (name == "owner" and isinstance(value, str)):
            return plain_problem(value) or _array_problem(cls, name, value)
        for item in holder.held(value):
            self.instance(item, path)
        return self._selectors(value, path)

    def _parameter(self, name: str, value: object, path: str) -> str | None:
        """Judge the objects in a parameter that its constraints accept."""
        if isinstance(value, Instance) and family(value.cls) not in {Family.SPARSE, Family.PARTIAL}:
            self.instance(value, path)
        elif name == "scoring" and isinstance(value, dict):
            for item in value.values():
                if isinstance(item, Instance):
                    self.instance(item, path)
        elif isinstance(value, list | tuple) and name in {
            "steps", "estimators", "transformers", "transformer_list", "kernels",
        }:  # fmt: skip
            for item in HOLDERS[name].held(value):
                self.instance(item, path)
            return self._selectors(value, path)
        return None

    def _selectors(self, value: object, path: str) -> str | None:
        for selector in selectors(value):
            self.instance(selector, path)
        return None

    def _triplet(self, node: Instance, path: str) -> None:
        match node.args:
            case (feature, neighbours, Instance() as estimator) if (
                scalar_problem(feature) is None and plain_problem(neighbours) is None
            ) and family(estimator.cls) is Family.ESTIMATOR:
                self.instance(estimator, path)
            case _:
                self._refuse(path, "an imputation step of a foreign form")


def _output_problem(value: object) -> str | None:
    match value:
        case {"transform": str(kind), **rest} if kind in _OUTPUTS and not rest:
            return None
        case {}:
            return None if not value else "an unknown output configuration"
    return "an unknown output configuration"


def _array_problem(cls: type, name: str, value: object) -> str | None:
    if value is None and name == "classes_" and cls.__name__ == "TargetEncoder":
        return None  # a target of numbers has no classes; `invariants` holds it to that
    if name in _ARRAYS and not isinstance(value, Array | list | Instance):
        return f"{describe(value)} where an array belongs"
    return None


def _method_problem(value: object) -> str | None:
    names = value if isinstance(value, list | tuple) else [value]
    for name in names:
        if name is not None and not (isinstance(name, str) and name in _METHODS):
            return f"{describe(name)} where the name of a prediction method belongs"
    return None


def _bunch_problem(_node: Instance) -> str | None:
    return "a bunch where none belongs"


_CHECKS: dict[Family, Callable[[Instance], str | None]] = {
    Family.TREE: lowlevel.tree_problem,
    Family.BINARY_TREE: lowlevel.neighbours_problem,
    Family.METRIC: lowlevel.metric_problem,
    Family.PREDICTOR: lowlevel.predictor_problem,
    Family.LOSS_PART: lowlevel.loss_part_problem,
    Family.SPLINE: lowlevel.spline_problem,
    Family.SPARSE: lowlevel.sparse_problem,
    Family.RANDOM: lowlevel.random_problem,
    Family.BUNCH: _bunch_problem,
}
