"""Honest scikit-learn models of the kinds that teams log, for `honest_folders` to write.

`HONEST` is the table, with the rows of `honest_parts`. Its models are made of scikit-learn's
own classes, of arrays, and of the functions that their documentation names: `np.log1p`,
`f_classif`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
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
    kernel_approximation,
    kernel_ridge,
    linear_model,
    model_selection,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.feature_extraction import text
from sklearn.pipeline import make_pipeline, make_union

from tests.support.honest_parts import PARTS
from tests.support.honest_tables import Data, Honest


def numeric_columns() -> Any:
    return compose.make_column_selector(dtype_include=np.number)


def text_columns() -> Any:
    return compose.make_column_selector(dtype_include=[object, "category"])


def mixed(encoder: Any, model: Any) -> Any:
    """Put scaled and imputed numbers beside encoded categories, as most tables need it."""
    numbers = make_pipeline(impute.SimpleImputer(strategy="median"), preprocessing.StandardScaler())
    parts = compose.ColumnTransformer(
        [("numbers", numbers, ["a", "b"]), ("texts", encoder, ["city", "size"])]
    )
    return make_pipeline(parts, model)


def logistic() -> Any:
    return linear_model.LogisticRegression(max_iter=200)


def noted(vectorizer: Any, model: Any) -> Any:
    return make_pipeline(compose.ColumnTransformer([("note", vectorizer, "note")]), model)


def by_dtype() -> Any:
    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore")
    numbers = impute.SimpleImputer()
    parts = compose.make_column_transformer(
        (numbers, numeric_columns()), (encoder, text_columns()), remainder="drop"
    )
    return make_pipeline(parts, logistic())


def boosted_categories() -> Any:
    ordinal = preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, dtype=np.float64
    )
    parts = compose.make_column_transformer((ordinal, ["city", "size"]), remainder="passthrough")
    return make_pipeline(
        parts, ensemble.HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=5)
    )


def logged(feature: Callable[..., Any], **options: Any) -> Any:
    return preprocessing.FunctionTransformer(feature, **options)


def scaled_apart() -> Any:
    parts = [("scaled", preprocessing.StandardScaler(), ["a", "b"])]
    return compose.ColumnTransformer(
        [*parts, ("spread", preprocessing.MinMaxScaler(), ["c", "d"])], n_jobs=2
    )


def several() -> list[tuple[str, Any]]:
    return [("tree", tree.DecisionTreeClassifier(max_depth=3)), ("line", logistic())]


PARALLEL: tuple[Honest, ...] = (
    Honest(
        "columns in two jobs",
        Data.NUMERIC,
        lambda: make_pipeline(scaled_apart(), logistic()),
    ),
    Honest(
        "side by side in all jobs",
        Data.NUMERIC,
        lambda: make_pipeline(
            make_union(preprocessing.StandardScaler(), decomposition.PCA(2), n_jobs=-1), logistic()
        ),
    ),
    Honest(
        "bagging in two jobs",
        Data.NUMERIC,
        lambda: ensemble.BaggingClassifier(logistic(), 4, n_jobs=2),
    ),
)
"""Models that joblib would start processes for."""

HONEST: tuple[Honest, ...] = (
    Honest("logistic regression", Data.NUMERIC, logistic),
    Honest(
        "scaled logistic regression",
        Data.NUMERIC,
        lambda: make_pipeline(preprocessing.StandardScaler(), logistic()),
    ),
    Honest(
        "cross-validated logistic regression",
        Data.NUMERIC,
        lambda: linear_model.LogisticRegressionCV(
            Cs=3, cv=3, use_legacy_attributes=False, l1_ratios=(0.0,), scoring="accuracy"
        ),
    ),
    Honest("ridge", Data.REGRESSION, linear_model.Ridge),
    Honest("cross-validated lasso", Data.REGRESSION, lambda: linear_model.LassoCV(cv=3)),
    Honest("elastic net", Data.REGRESSION, lambda: linear_model.ElasticNet(0.1)),
    Honest("Huber", Data.REGRESSION, linear_model.HuberRegressor),
    Honest(
        "stochastic gradient descent",
        Data.NUMERIC,
        lambda: linear_model.SGDClassifier(loss="log_loss", random_state=1),
    ),
    Honest("Poisson", Data.REGRESSION, linear_model.PoissonRegressor),
    Honest("kernel machine", Data.NUMERIC, lambda: svm.SVC(kernel="rbf")),
    Honest("linear SVM", Data.NUMERIC, lambda: svm.LinearSVC(dual=False)),
    Honest("support vector regression", Data.REGRESSION, svm.SVR),
    Honest("neighbours", Data.NUMERIC, lambda: neighbors.KNeighborsClassifier(3)),
    Honest(
        "neighbours in a ball tree",
        Data.NUMERIC,
        lambda: neighbors.KNeighborsClassifier(3, algorithm="ball_tree", metric="manhattan"),
    ),
    Honest("tree", Data.NUMERIC, lambda: tree.DecisionTreeClassifier(max_depth=4)),
    Honest("forest", Data.NUMERIC, lambda: ensemble.RandomForestClassifier(4, n_jobs=-1)),
    Honest("forest for numbers", Data.REGRESSION, lambda: ensemble.RandomForestRegressor(4)),
    Honest("extra trees", Data.NUMERIC, lambda: ensemble.ExtraTreesClassifier(4)),
    Honest("boosting", Data.NUMERIC, lambda: ensemble.GradientBoostingClassifier(n_estimators=4)),
    Honest(
        "boosting by histograms",
        Data.REGRESSION,
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=5, early_stopping=False),
    ),
    Honest("boosting by histograms with categories", Data.MIXED, boosted_categories),
    Honest("AdaBoost", Data.NUMERIC, lambda: ensemble.AdaBoostClassifier(n_estimators=4)),
    Honest("stacking", Data.NUMERIC, lambda: ensemble.StackingClassifier(several(), cv=3)),
    Honest(
        "stacking for numbers",
        Data.REGRESSION,
        lambda: ensemble.StackingRegressor(
            [("tree", tree.DecisionTreeRegressor(max_depth=3)), ("line", linear_model.Ridge())],
            final_estimator=linear_model.LinearRegression(),
            cv=3,
        ),
    ),
    Honest(
        "soft voting", Data.NUMERIC, lambda: ensemble.VotingClassifier(several(), voting="soft")
    ),
    Honest(
        "calibrated SVM",
        Data.NUMERIC,
        lambda: calibration.CalibratedClassifierCV(svm.LinearSVC(dual=False), cv=3),
    ),
    Honest(
        "isotonically calibrated forest",
        Data.NUMERIC,
        lambda: calibration.CalibratedClassifierCV(
            ensemble.RandomForestClassifier(3), method="isotonic", cv=3
        ),
    ),
    Honest("bagging", Data.NUMERIC, lambda: ensemble.BaggingClassifier(logistic(), 3)),
    Honest(
        "neural network",
        Data.NUMERIC,
        lambda: neural_network.MLPClassifier((6,), max_iter=20, random_state=1),
    ),
    Honest("naive Bayes", Data.NUMERIC, naive_bayes.GaussianNB),
    Honest("linear discriminants", Data.NUMERIC, discriminant_analysis.LinearDiscriminantAnalysis),
    Honest(
        "one against the rest",
        Data.NUMERIC,
        lambda: multiclass.OneVsRestClassifier(logistic()),
    ),
    Honest(
        "principal components",
        Data.NUMERIC,
        lambda: make_pipeline(decomposition.PCA(2), logistic()),
    ),
    Honest(
        "clusters as features",
        Data.NUMERIC,
        lambda: make_pipeline(KMeans(3, n_init=1, random_state=1), logistic()),
    ),
    Honest(
        "side by side",
        Data.NUMERIC,
        lambda: make_pipeline(
            make_union(decomposition.PCA(2), preprocessing.PolynomialFeatures(2)), logistic()
        ),
    ),
    Honest(
        "one-hot", Data.MIXED, lambda: mixed(preprocessing.OneHotEncoder(drop="first"), logistic())
    ),
    Honest(
        "ordinal",
        Data.MIXED,
        lambda: mixed(
            preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            ensemble.RandomForestClassifier(3),
        ),
    ),
    Honest(
        "target encoding",
        Data.MIXED,
        lambda: mixed(preprocessing.TargetEncoder(cv=3), logistic()),
    ),
    Honest("columns by dtype", Data.MIXED, by_dtype),
    Honest(
        "np.log1p",
        Data.REGRESSION,
        lambda: make_pipeline(logged(np.log1p), linear_model.LinearRegression()),
    ),
    Honest(
        "np.log1p and back",
        Data.REGRESSION,
        lambda: make_pipeline(
            logged(np.log1p, inverse_func=np.expm1, feature_names_out="one-to-one"),
            linear_model.Ridge(),
        ),
    ),
    Honest(
        "log of the target",
        Data.REGRESSION,
        lambda: compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1
        ),
    ),
    Honest(
        "scaled target",
        Data.REGRESSION,
        lambda: compose.TransformedTargetRegressor(
            linear_model.Ridge(), transformer=preprocessing.QuantileTransformer(n_quantiles=20)
        ),
    ),
    Honest(
        "splines",
        Data.REGRESSION,
        lambda: make_pipeline(preprocessing.SplineTransformer(n_knots=4), linear_model.Ridge()),
    ),
    Honest(
        "quantiles",
        Data.NUMERIC,
        lambda: make_pipeline(preprocessing.QuantileTransformer(n_quantiles=20), logistic()),
    ),
    Honest(
        "powers", Data.NUMERIC, lambda: make_pipeline(preprocessing.PowerTransformer(), logistic())
    ),
    Honest(
        "bins",
        Data.NUMERIC,
        lambda: make_pipeline(
            preprocessing.KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), logistic()
        ),
    ),
    Honest(
        "imputed from neighbours",
        Data.NUMERIC,
        lambda: make_pipeline(impute.KNNImputer(add_indicator=True), logistic()),
    ),
    Honest(
        "TF-IDF",
        Data.TEXT,
        lambda: noted(text.TfidfVectorizer(ngram_range=(1, 2), stop_words="english"), logistic()),
    ),
    Honest(
        "TF-IDF of a list", Data.WORDS, lambda: make_pipeline(text.TfidfVectorizer(), logistic())
    ),
    Honest(
        "counted words",
        Data.TEXT,
        lambda: noted(text.CountVectorizer(analyzer="char_wb"), naive_bayes.MultinomialNB()),
    ),
    Honest(
        "hashed words",
        Data.TEXT,
        lambda: noted(text.HashingVectorizer(n_features=64, alternate_sign=False), logistic()),
    ),
    Honest(
        "latent topics",
        Data.TEXT,
        lambda: make_pipeline(
            noted(text.TfidfVectorizer(), decomposition.TruncatedSVD(2)), logistic()
        ),
    ),
    Honest(
        "grid search",
        Data.NUMERIC,
        lambda: model_selection.GridSearchCV(
            make_pipeline(preprocessing.StandardScaler(), logistic()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=3,
        ),
    ),
    Honest(
        "random search",
        Data.NUMERIC,
        lambda: model_selection.RandomizedSearchCV(
            tree.DecisionTreeClassifier(), {"max_depth": [2, 3]}, n_iter=2, cv=3
        ),
    ),
    Honest(
        "best columns",
        Data.NUMERIC,
        lambda: make_pipeline(
            feature_selection.SelectKBest(feature_selection.f_classif, k=2), logistic()
        ),
    ),
    Honest(
        "columns that a forest picks",
        Data.NUMERIC,
        lambda: make_pipeline(
            feature_selection.SelectFromModel(ensemble.RandomForestClassifier(3)), logistic()
        ),
    ),
    Honest(
        "Nyström",
        Data.NUMERIC,
        lambda: make_pipeline(
            kernel_approximation.Nystroem(n_components=20, random_state=1), logistic()
        ),
    ),
    Honest(
        "Gaussian process",
        Data.REGRESSION,
        lambda: gaussian_process.GaussianProcessRegressor(
            gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel(), alpha=0.1
        ),
    ),
    Honest("isotonic", Data.ONE_COLUMN, lambda: isotonic.IsotonicRegression(out_of_bounds="clip")),
    Honest(
        "weighted classes and a seeded state",
        Data.NUMERIC,
        lambda: ensemble.RandomForestClassifier(
            3, class_weight={0: 1.0, 1: 4.0}, random_state=np.random.RandomState(3)
        ),
    ),
    Honest(
        "frames between the steps",
        Data.NUMERIC,
        lambda: make_pipeline(preprocessing.RobustScaler(), logistic()).set_output(
            transform="pandas"
        ),
    ),
    Honest(
        "tuned threshold",
        Data.NUMERIC,
        lambda: model_selection.TunedThresholdClassifierCV(logistic(), cv=3, thresholds=5),
    ),
    Honest(
        "columns taken away one by one",
        Data.NUMERIC,
        lambda: feature_selection.RFE(logistic(), n_features_to_select=2),
    ),
    Honest(
        "averaged models",
        Data.REGRESSION,
        lambda: ensemble.VotingRegressor(
            [("near", neighbors.KNeighborsRegressor(3)), ("line", linear_model.BayesianRidge())]
        ),
    ),
    Honest("kernel ridge", Data.REGRESSION, lambda: kernel_ridge.KernelRidge(kernel="rbf")),
    Honest("partial least squares", Data.REGRESSION, lambda: PLSRegression(2)),
    Honest("outliers by a forest", Data.NUMERIC, lambda: ensemble.IsolationForest(n_estimators=4)),
    Honest("nearest mean", Data.NUMERIC, neighbors.NearestCentroid),
    Honest(
        "quadratic discriminants",
        Data.NUMERIC,
        lambda: discriminant_analysis.QuadraticDiscriminantAnalysis(),
    ),
    Honest(
        "non-negative factors",
        Data.REGRESSION,
        lambda: make_pipeline(decomposition.NMF(2, init="nndsvda"), linear_model.Ridge()),
    ),
    Honest(
        "shares of a whole",
        Data.NUMERIC,
        lambda: make_pipeline(
            preprocessing.Normalizer(), preprocessing.MaxAbsScaler(), linear_model.RidgeClassifier()
        ),
    ),
    Honest("dummy", Data.NUMERIC, lambda: dummy.DummyClassifier(strategy="prior")),
    *PARTS,
    *PARALLEL,
)
