"""Honest models pass in each format, and what is written of them answers bit for bit the same."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn import (
    calibration,
    compose,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    isotonic,
    linear_model,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import text
from sklearn.impute._iterative import IterativeImputer

from registry.model_files.nodes import Instance
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.writer import write
from tests.support.judged_models import FORMATS, answers, assert_passes

NUMBERS, CLASSES = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
NUMBERS = np.abs(NUMBERS)
TARGET = NUMBERS @ np.arange(6.0)
HOLES = np.where(NUMBERS < 0.1, np.nan, NUMBERS)
WORDS = ["red apple", "green apple", "blue sky"] * 30
FRAME = pd.DataFrame(NUMBERS, columns=list("abcdef")).assign(
    city=np.array(["Bonn", "Kiel", "Jena"], dtype=object)[CLASSES]
)


def line() -> Any:
    return linear_model.LogisticRegression(max_iter=500)


def members() -> list[tuple[str, Any]]:
    return [("line", line()), ("tree", tree.DecisionTreeClassifier(max_depth=3))]


def by_dtype() -> Any:
    numbers = compose.make_column_selector(dtype_include=np.number)
    return compose.ColumnTransformer(
        [("numbers", preprocessing.StandardScaler(), numbers)],
        remainder=preprocessing.OneHotEncoder(handle_unknown="ignore"),
    )


def of_categories() -> Any:
    frame = FRAME.assign(city=FRAME["city"].astype("category"))
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=3, categorical_features=[0], early_stopping=True
    )
    numbers = frame.assign(city=frame["city"].cat.codes.astype(float))[["city", "a", "b"]]
    return model.fit(numbers.to_numpy(), CLASSES), numbers.to_numpy()


def fit(model: Any, features: Any = NUMBERS, target: Any = CLASSES) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        return model.fit(features, target), features


HONEST: dict[str, Callable[[], Any]] = {
    "logistic regression": lambda: fit(line()),
    "ridge": lambda: fit(linear_model.Ridge(), NUMBERS, TARGET),
    "stochastic gradient": lambda: fit(linear_model.SGDClassifier(random_state=1)),
    "linear vectors": lambda: fit(svm.LinearSVC()),
    "vectors": lambda: fit(svm.SVC()),
    "vectors of sparse rows": lambda: fit(svm.SVC(), scipy.sparse.csr_matrix(NUMBERS)),
    "vectors for numbers": lambda: fit(svm.SVR(), NUMBERS, TARGET),
    "one class": lambda: fit(svm.OneClassSVM()),
    "k-d tree": lambda: fit(neighbors.KNeighborsClassifier(algorithm="kd_tree")),
    "ball tree": lambda: fit(neighbors.KNeighborsClassifier(algorithm="ball_tree")),
    "minkowski": lambda: fit(neighbors.KNeighborsClassifier(algorithm="ball_tree", p=3)),
    "brute force": lambda: fit(neighbors.KNeighborsRegressor(algorithm="brute"), NUMBERS, TARGET),
    "forest": lambda: fit(
        ensemble.RandomForestClassifier(5, random_state=np.random.RandomState(1))
    ),
    "extra trees": lambda: fit(ensemble.ExtraTreesRegressor(5), NUMBERS, TARGET),
    "boosting": lambda: fit(ensemble.GradientBoostingClassifier(n_estimators=3)),
    "boosting for numbers": lambda: fit(
        ensemble.GradientBoostingRegressor(n_estimators=3), NUMBERS, TARGET
    ),
    "histograms": lambda: fit(ensemble.HistGradientBoostingClassifier(max_iter=3)),
    "histograms of categories": of_categories,
    "tree": lambda: fit(tree.DecisionTreeClassifier()),
    "AdaBoost": lambda: fit(ensemble.AdaBoostClassifier(n_estimators=3)),
    "bagging": lambda: fit(ensemble.BaggingClassifier(line(), 3, max_features=0.5)),
    "isolation": lambda: fit(ensemble.IsolationForest(n_estimators=5, max_features=3)),
    "voting": lambda: fit(ensemble.VotingClassifier(members(), voting="soft")),
    "stacking": lambda: fit(ensemble.StackingClassifier(members(), cv=3)),
    "stacking over a splitter": lambda: fit(
        ensemble.StackingClassifier(members(), cv=model_selection.StratifiedKFold(3))
    ),
    "sigmoid": lambda: fit(calibration.CalibratedClassifierCV(line(), cv=3)),
    "isotonic calibration": lambda: fit(
        calibration.CalibratedClassifierCV(line(), method="isotonic", cv=3)
    ),
    "network": lambda: fit(neural_network.MLPClassifier((4,), max_iter=20, random_state=1)),
    "naive Bayes": lambda: fit(naive_bayes.GaussianNB()),
    "multinomial": lambda: fit(naive_bayes.MultinomialNB()),
    "components": lambda: fit(decomposition.PCA(2)),
    "singular values": lambda: fit(decomposition.TruncatedSVD(2)),
    "clusters": lambda: fit(KMeans(3, n_init=1, random_state=1)),
    "scaler": lambda: fit(preprocessing.StandardScaler()),
    "min-max": lambda: fit(preprocessing.MinMaxScaler()),
    "robust": lambda: fit(preprocessing.RobustScaler()),
    "quantiles": lambda: fit(preprocessing.QuantileTransformer(n_quantiles=20)),
    "powers": lambda: fit(preprocessing.PowerTransformer()),
    "one-hot": lambda: fit(preprocessing.OneHotEncoder(min_frequency=5), FRAME[["city"]]),
    "one-hot less one": lambda: fit(preprocessing.OneHotEncoder(drop="first"), FRAME[["city"]]),
    "ordinal": lambda: fit(preprocessing.OrdinalEncoder(), FRAME[["city"]]),
    "target encoding": lambda: fit(preprocessing.TargetEncoder(cv=3), FRAME[["city"]]),
    "imputed": lambda: fit(impute.SimpleImputer(add_indicator=True), HOLES),
    "imputed from neighbours": lambda: fit(impute.KNNImputer(), HOLES),
    "imputed in turns": lambda: fit(IterativeImputer(max_iter=2), HOLES),
    "columns by dtype": lambda: fit(pipeline.make_pipeline(by_dtype(), line()), FRAME),
    "side by side": lambda: fit(
        pipeline.make_union(decomposition.PCA(2), preprocessing.PolynomialFeatures(2))
    ),
    "TF-IDF": lambda: fit(pipeline.make_pipeline(text.TfidfVectorizer(), line()), WORDS),
    "counts": lambda: fit(text.CountVectorizer(stop_words=["red"]), WORDS),
    "hashes": lambda: fit(text.HashingVectorizer(n_features=64), WORDS),
    "best columns": lambda: fit(
        feature_selection.SelectKBest(feature_selection.mutual_info_classif, k=2)
    ),
    "splines": lambda: fit(preprocessing.SplineTransformer()),
    "bins": lambda: fit(preprocessing.KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf")),
    "grid search": lambda: fit(
        model_selection.GridSearchCV(line(), {"C": [0.1, 1.0]}, cv=3, scoring="accuracy")
    ),
    "np.log1p": lambda: fit(
        pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p), line())
    ),
    "np.round with decimals": lambda: fit(
        preprocessing.FunctionTransformer(np.round, kw_args={"decimals": 1})
    ),
    "logarithm of the target": lambda: fit(
        compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
        ),
        NUMBERS,
        TARGET,
    ),
    "discriminants": lambda: fit(discriminant_analysis.LinearDiscriminantAnalysis()),
    "Gaussian process": lambda: fit(
        gaussian_process.GaussianProcessRegressor(
            gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()
        ),
        NUMBERS,
        TARGET,
    ),
    "isotonic": lambda: fit(isotonic.IsotonicRegression(), NUMBERS[:, 0], TARGET),
    "tuned threshold": lambda: fit(
        model_selection.TunedThresholdClassifierCV(line(), cv=3, thresholds=5),
        NUMBERS,
        CLASSES == 1,
    ),
    "one against the rest": lambda: fit(multiclass.OneVsRestClassifier(line())),
    "frames between steps": lambda: fit(
        pipeline.make_pipeline(preprocessing.StandardScaler(), line()).set_output(
            transform="pandas"
        )
    ),
    "dummy": lambda: fit(dummy.DummyClassifier(strategy="prior")),
}

FITTED: dict[str, Any] = {}


def fitted(name: str) -> Any:
    if name not in FITTED:
        FITTED[name] = HONEST[name]()
    return FITTED[name]


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.parametrize("kept", FORMATS)
def test_an_honest_model_passes_and_its_copy_answers_the_same(name: str, kept: str) -> None:
    model, features = fitted(name)
    assert answers(model, features)
    assert_passes(model, features, kept)


def test_the_copy_has_the_attributes_of_the_original() -> None:
    model, _features = fitted("stacking")
    problems = Problems()
    file = io.BytesIO()
    root = read_pickle(memoryview(pickle.dumps(model)), problems)
    assert isinstance(root, Instance)
    write(root, file)
    copy = pickle.loads(file.getvalue())
    assert copy.get_params().keys() == model.get_params().keys()
    assert vars(copy).keys() == vars(model).keys()
    assert copy.named_estimators_["line"] is copy.estimators_[0]
