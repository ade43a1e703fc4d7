"""Objects that lead back to each other pass where scikit-learn makes them, and nowhere else."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.cluster import Birch
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._metadata_requests import MetadataRequest

from registry.model_files import calls
from registry.model_files.errors import MalformedError
from registry.model_files.judge import judge
from registry.model_files.nodes import Array, Instance, Named
from registry.model_files.pickle_reader import Problems
from registry.model_files.writer import write
from tests.support.judged_models import assert_passes, refusals

X = np.random.default_rng(0).normal(size=(80, 3))
Y = (X[:, 0] > 0).astype(int)
WEIGHTS = {"sample_weight": np.ones(80)}


def weighed() -> Any:
    return LogisticRegression().set_fit_request(sample_weight=True)


def routed(name: str) -> Any:
    with sklearn.config_context(enable_metadata_routing=True):
        match name:
            case "pipeline":
                steps = StandardScaler().set_fit_request(sample_weight=False), weighed()
                return make_pipeline(*steps).fit(X, Y, **WEIGHTS)
            case "stack":
                last = LogisticRegression().set_fit_request(sample_weight=False)
                return StackingClassifier([("a", weighed())], last, cv=2).fit(X, Y, **WEIGHTS)
            case _:
                scorer = make_scorer(accuracy_score).set_score_request(sample_weight="other")
                model = weighed().set_score_request(sample_weight=False)
                return GridSearchCV(model, {"C": [1.0]}, cv=2, scoring=scorer).fit(
                    X, Y, other=np.ones(80), **WEIGHTS
                )


@pytest.mark.parametrize("kept", ["pickle", "cloudpickle"])
@pytest.mark.parametrize("name", ["pipeline", "stack", "search"])
def test_a_model_with_metadata_requests_passes(name: str, kept: str) -> None:
    assert_passes(routed(name), X, kept)


def test_a_long_chain_of_leaves_passes_and_is_not_written_again() -> None:
    model = Birch(threshold=0.05, branching_factor=3).fit(X)
    root, problems = refusals(pickle.dumps(model), "pickle")
    assert problems == ()
    assert root is not None
    file = io.BytesIO()
    write(root, file)
    copy = pickle.loads(file.getvalue())
    assert vars(model).keys() - vars(copy).keys() == {"root_", "dummy_leaf_"}
    assert copy.transform(X).tobytes() == model.transform(X).tobytes()


def test_owners_without_end_are_refused() -> None:
    owner = Instance(LogisticRegression, state={})
    for _ in range(3000):
        request = Instance(MetadataRequest, state={"owner": owner})
        owner = Instance(LogisticRegression, state={"_metadata_request": request})
    problems = Problems()
    judge(owner, problems)
    assert problems.lines() == ("nested too deeply",)


def test_an_owner_that_holds_itself_elsewhere_is_refused() -> None:
    values: list[object] = []
    values.append(values)
    owner = Instance(LogisticRegression, state={"n_iter_": values})
    request = Instance(MetadataRequest, state={"owner": owner})
    problems = Problems()
    judge(Instance(LogisticRegression, state={"_metadata_request": request}), problems)
    assert problems.lines() == ("an object that holds itself",)


AXES = [(0, 0), (0, 2), (1,), (0, 1, 2), (True, False), "01", (-1, 0)]


def buffer(axes: object) -> object:
    arguments = (b"\0" * 48, np.dtype("f8"), (2, 3), "K", axes)
    return calls.call(Named("numpy._core.numeric._frombuffer"), arguments)


@pytest.mark.parametrize("axes", AXES, ids=str)
def test_axes_that_an_array_does_not_have_are_refused(axes: object) -> None:
    with pytest.raises(MalformedError):
        buffer(axes)


def test_axes_in_another_order_are_kept() -> None:
    found = buffer((1, 0))
    assert isinstance(found, Array)
    assert found.values.shape == (3, 2)
