"""Finds what scikit-learn's Python takes from its compiled modules, and says what guards each.

Compiled code checks no index. What answers for a fitted estimator was read, each place once; a
place that is not in the table was not read. Indices of sparse rows come from the step before, so
that they are guarded where a step makes such rows.
"""

from __future__ import annotations

import ast
import importlib.machinery
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sklearn

_ROOT = Path(sklearn.__file__).parent
_SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
# Neither is reached by a model file: `known` names no class of theirs, and scikit-learn's own
# tests and checks of its build are no part of an answer.
_APART = {"tests", "datasets", "externals", "__check_build", "conftest.py", "_show_versions.py"}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A compiled name that a module in Python takes.

    Attributes:
        user: the module in Python, without the package's name.
        module: the compiled module, in the same form.
        name: the function or class.
    """

    user: str
    module: str
    name: str


def compiled_modules() -> frozenset[str]:
    """Return the names of all compiled modules of scikit-learn."""
    paths = (path.relative_to(_ROOT) for path in _ROOT.rglob(f"*{_SUFFIX}"))
    return frozenset(".".join(path.parts).removesuffix(_SUFFIX) for path in paths)


def places() -> frozenset[Place]:
    """Return every place where scikit-learn's Python takes something from a compiled module."""
    known = compiled_modules()
    return frozenset(
        place
        for path in _ROOT.rglob("*.py")
        if not _APART & set(path.relative_to(_ROOT).parts)
        for place in _taken(path, known)
    )


def _taken(path: Path, known: frozenset[str]) -> Iterator[Place]:
    user = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_bytes())
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {
                alias.asname or alias.name: alias.name.removeprefix("sklearn.")
                for alias in node.names
                if alias.name.removeprefix("sklearn.") in known
            }
        if not isinstance(node, ast.ImportFrom):
            continue
        above = user.split(".")[: -node.level] if node.level else []
        named = (node.module or "").removeprefix("sklearn").removeprefix(".")
        source = ".".join([*above, *filter(None, [named])])
        for alias in node.names:
            if source in known:
                yield Place(user, source, alias.name)
            elif f"{source}.{alias.name}" in known:
                modules[alias.asname or alias.name] = f"{source}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None:
                yield Place(user, module, node.attr)


_FIT = "called by `fit` alone"
_SIZES = "sizes come from arrays that it makes itself"
GUARDS: dict[str, str] = {
    "_isotonic": _FIT,
    "_loss._loss": f"{_FIT}; answers use a loss's link, which numpy computes",
    "cluster._dbscan_inner": _FIT,
    "cluster._hdbscan._linkage": _FIT,
    "cluster._hdbscan._reachability": _FIT,
    "cluster._hdbscan._tree": _FIT,
    "cluster._hierarchical_fast": _FIT,
    "cluster._k_means_common": "centers as wide as the rows, at least one: `invariants._clusters`",
    "cluster._k_means_elkan": _FIT,
    "cluster._k_means_lloyd": "centers as wide as the rows, fewer than 2**23: "
    "`invariants._clusters`, `fitted_rules.bisections`",
    "cluster._k_means_minibatch": _FIT,
    "decomposition._cdnmf_fast": "`_check_init` compares components with features and their number",
    "decomposition._online_lda_fast": f"{_SIZES}; topics are rows of a matrix, or numpy fails",
    "ensemble._gradient_boosting": "trees of the features that the first compares, one column "
    "for each: `invariants._ensemble`; a first answer for each row: `fitted_rules.beginnings`",
    "ensemble._hist_gradient_boosting._binning": "kinds and thresholds of each feature: "
    "`histogram_rules.mapper`",
    "ensemble._hist_gradient_boosting._gradient_boosting": _FIT,
    "ensemble._hist_gradient_boosting._predictor": "nodes: `lowlevel.predictor_problem`; features, "
    "categories and columns of rows: `histogram_rules`; `_in_fit` is no attribute: `attributes`",
    "ensemble._hist_gradient_boosting.common": "dtypes and numbers, no code",
    "ensemble._hist_gradient_boosting.histogram": _FIT,
    "ensemble._hist_gradient_boosting.splitting": _FIT,
    "feature_extraction._hashing_fast": "a remainder by `n_features`, which its constraint keeps "
    "above 0 and within 32 bits: `parameters`",
    "linear_model._cd_fast": "of codes: `sparse_encode` checks rows and dictionary, and multiplies "
    "them itself",
    "linear_model._sag_fast": _FIT,
    "linear_model._sgd_fast": _FIT,
    "manifold._barnes_hut_tsne": _FIT,
    "manifold._utils": _FIT,
    "metrics._dist_metrics": "numbers as many as features: `lowlevel.metric_problem`, `distances`",
    "metrics._pairwise_distances_reduction._argkmin": "`_fit_X` as wide as the rows, at least one: "
    "`fitted_rules.rows`, `invariants._neighbours`; others ask `check_pairwise_arrays`; norms of "
    "a Birch: `cf_trees`",
    "metrics._pairwise_distances_reduction._argkmin_classmode": "as before, and answers within "
    "their classes: `invariants._neighbours`",
    "metrics._pairwise_distances_reduction._base": "norms of what the same call measures",
    "metrics._pairwise_distances_reduction._radius_neighbors": "as `_argkmin`",
    "metrics._pairwise_distances_reduction._radius_neighbors_classmode": "nobody compares the "
    "width of a request: refused by `distances.unasked`",
    "metrics._pairwise_fast": "`check_pairwise_arrays` compares the widths",
    "metrics.cluster._expected_mutual_info_fast": "a metric of two lists of labels; no answer",
    "neighbors._ball_tree": "rows, nodes and counts: `lowlevel.neighbours_problem`; `query` "
    "compares the width of a request",
    "neighbors._kd_tree": "as `_ball_tree`",
    "preprocessing._csr_polynomial_expansion": "columns below zero of unordered rows: "
    "`fitted_rules.polynomials`",
    "preprocessing._target_encoder_fast": _FIT,
    "svm._liblinear": _FIT,
    "svm._libsvm": "every size: `invariants._vectors`",
    "svm._libsvm_sparse": "every size, and no given kernels: `invariants._vectors`",
    "tree._criterion": _FIT,
    "tree._splitter": _FIT,
    "tree._tree": "nodes and values: `lowlevel.tree_problem`; features: `invariants._own_tree`, "
    "`_ensemble`, `_subsets`",
    "utils._bitset": "categories below 256: `histogram_rules.problem`",
    "utils._fast_dict": _FIT,
    "utils._isfinite": "any array",
    "utils._openmp_helpers": "a number of threads",
    "utils._random": _FIT,
    "utils._seq_dataset": _FIT,
    "utils.arrayfuncs": f"of codes and of neighbours' weights: {_SIZES}",
    "utils.murmurhash": "text",
    "utils.sparsefuncs_fast": "rows of the step before, and coefficients whose indices are within: "
    "`lowlevel.sparse_problem`; `sparse_matmul_to_dense` compares shapes",
}
"""What makes each compiled module that scikit-learn's Python uses safe to answer with."""

# User, compiled module and names, of scikit-learn 1.9; indented lines go on.
_READ = """
_loss.loss _loss._loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss
    CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
    CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss
cluster._agglomerative cluster._hierarchical_fast: WeightedEdge _get_parents _hc_get_descendent
    _single_linkage_label average_merge compute_ward_dist hc_get_heads max_merge
    mst_linkage_core single_linkage_label
cluster._agglomerative metrics._dist_metrics: METRIC_MAPPING64
cluster._agglomerative utils._fast_dict: IntFloatDict
cluster._bisect_k_means cluster._k_means_common: _inertia_dense _inertia_sparse
cluster._bisect_k_means utils._openmp_helpers: _openmp_effective_n_threads
cluster._dbscan cluster._dbscan_inner: dbscan_inner
cluster._hdbscan.hdbscan cluster._hdbscan._linkage: MST_edge_dtype make_single_linkage
    mst_from_data_matrix mst_from_mutual_reachability
cluster._hdbscan.hdbscan cluster._hdbscan._reachability: mutual_reachability_graph
cluster._hdbscan.hdbscan cluster._hdbscan._tree: HIERARCHY_dtype labelling_at_cut tree_to_labels
cluster._hdbscan.hdbscan metrics._dist_metrics: DistanceMetric
cluster._kmeans cluster._k_means_common: CHUNK_SIZE _inertia_dense _inertia_sparse
    _is_same_clustering
cluster._kmeans cluster._k_means_elkan: elkan_iter_chunked_dense elkan_iter_chunked_sparse
    init_bounds_dense init_bounds_sparse
cluster._kmeans cluster._k_means_lloyd: lloyd_iter_chunked_dense lloyd_iter_chunked_sparse
cluster._kmeans cluster._k_means_minibatch: _minibatch_update_dense _minibatch_update_sparse
cluster._kmeans utils._openmp_helpers: _openmp_effective_n_threads
cluster._kmeans utils.sparsefuncs_fast: assign_rows_csr
covariance._graph_lasso linear_model._cd_fast: enet_coordinate_descent_gram
decomposition._lda decomposition._online_lda_fast: _dirichlet_expectation_1d
    _dirichlet_expectation_2d mean_change
decomposition._nmf decomposition._cdnmf_fast: _update_cdnmf_fast
ensemble._gb ensemble._gradient_boosting: _random_sample_mask predict_stage predict_stages
ensemble._gb tree._tree: TREE_LEAF
ensemble._hist_gradient_boosting.binning ensemble._hist_gradient_boosting._binning: _map_to_bins
ensemble._hist_gradient_boosting.binning ensemble._hist_gradient_boosting.common: ALMOST_INF
    X_BINNED_DTYPE X_BITSET_INNER_DTYPE X_DTYPE
ensemble._hist_gradient_boosting.binning utils._bitset: set_bitset_memoryview
ensemble._hist_gradient_boosting.binning utils._openmp_helpers: _openmp_effective_n_threads
ensemble._hist_gradient_boosting.gradient_boosting
    ensemble._hist_gradient_boosting._gradient_boosting: _update_raw_predictions
ensemble._hist_gradient_boosting.gradient_boosting ensemble._hist_gradient_boosting.common:
    G_H_DTYPE X_DTYPE Y_DTYPE
ensemble._hist_gradient_boosting.gradient_boosting utils._openmp_helpers:
    _openmp_effective_n_threads
ensemble._hist_gradient_boosting.grower ensemble._hist_gradient_boosting.common:
    MonotonicConstraint PREDICTOR_RECORD_DTYPE X_BITSET_INNER_DTYPE
ensemble._hist_gradient_boosting.grower ensemble._hist_gradient_boosting.histogram:
    HistogramBuilder
ensemble._hist_gradient_boosting.grower ensemble._hist_gradient_boosting.splitting: Splitter
ensemble._hist_gradient_boosting.grower utils._bitset: set_raw_bitset_from_binned_bitset
ensemble._hist_gradient_boosting.grower utils._openmp_helpers: _openmp_effective_n_threads
ensemble._hist_gradient_boosting.predictor ensemble._hist_gradient_boosting._predictor:
    _compute_partial_dependence _predict_from_binned_data _predict_from_raw_data
ensemble._hist_gradient_boosting.predictor ensemble._hist_gradient_boosting.common:
    PREDICTOR_RECORD_DTYPE Y_DTYPE
feature_extraction._hash feature_extraction._hashing_fast: transform
isotonic _isotonic: _inplace_contiguous_isotonic_regression _make_unique
linear_model._base utils._seq_dataset: ArrayDataset32 ArrayDataset64 CSRDataset32 CSRDataset64
linear_model._coordinate_descent linear_model._cd_fast: enet_coordinate_descent
    enet_coordinate_descent_gram enet_coordinate_descent_multi_task
    sparse_enet_coordinate_descent
linear_model._glm.glm utils._openmp_helpers: _openmp_effective_n_threads
linear_model._least_angle utils.arrayfuncs: cholesky_delete min_pos
linear_model._sag linear_model._sag_fast: sag32 sag64
linear_model._stochastic_gradient _loss._loss: CyHalfBinomialLoss CyHalfSquaredError CyHuberLoss
linear_model._stochastic_gradient linear_model._sgd_fast: EpsilonInsensitive Hinge ModifiedHuber
    SquaredEpsilonInsensitive SquaredHinge _plain_sgd32 _plain_sgd64
manifold._t_sne manifold._barnes_hut_tsne: gradient
manifold._t_sne manifold._utils: _binary_search_perplexity
manifold._t_sne utils._openmp_helpers: _openmp_effective_n_threads
metrics.__init__ metrics._dist_metrics: DistanceMetric
metrics._pairwise_distances_reduction._dispatcher metrics._dist_metrics: BOOL_METRICS
    DistanceMetric METRIC_MAPPING64
metrics._pairwise_distances_reduction._dispatcher
    metrics._pairwise_distances_reduction._argkmin: ArgKmin32 ArgKmin64
metrics._pairwise_distances_reduction._dispatcher
    metrics._pairwise_distances_reduction._argkmin_classmode: ArgKminClassMode32
    ArgKminClassMode64
metrics._pairwise_distances_reduction._dispatcher metrics._pairwise_distances_reduction._base:
    _sqeuclidean_row_norms32 _sqeuclidean_row_norms64
metrics._pairwise_distances_reduction._dispatcher
    metrics._pairwise_distances_reduction._radius_neighbors: RadiusNeighbors32 RadiusNeighbors64
metrics._pairwise_distances_reduction._dispatcher
    metrics._pairwise_distances_reduction._radius_neighbors_classmode:
    RadiusNeighborsClassMode32 RadiusNeighborsClassMode64
metrics.cluster._supervised metrics.cluster._expected_mutual_info_fast:
    expected_mutual_information
metrics.pairwise metrics._pairwise_fast: _chi2_kernel_fast _sparse_manhattan
neighbors.__init__ neighbors._ball_tree: BallTree
neighbors.__init__ neighbors._kd_tree: KDTree
neighbors._base neighbors._ball_tree: BallTree
neighbors._base neighbors._kd_tree: KDTree
neighbors._classification utils.arrayfuncs: _all_with_any_reduction_axis_1
neighbors._kde neighbors._ball_tree: BallTree
neighbors._kde neighbors._kd_tree: KDTree
preprocessing._data utils.sparsefuncs_fast: inplace_csr_row_normalize_l1
    inplace_csr_row_normalize_l2
preprocessing._polynomial preprocessing._csr_polynomial_expansion: _calc_expanded_nnz
    _calc_total_nnz _csr_polynomial_expansion
preprocessing._target_encoder preprocessing._target_encoder_fast: _fit_encoding_fast
    _fit_encoding_fast_auto_smooth
svm._base svm._liblinear: set_verbosity_wrap train_wrap
svm._base svm._libsvm: decision_function fit predict predict_proba set_verbosity_wrap
svm._base svm._libsvm_sparse: libsvm_sparse_decision_function libsvm_sparse_predict
    libsvm_sparse_predict_proba libsvm_sparse_train set_verbosity_wrap
tree._classes tree._criterion: Criterion Entropy Gini MAE MSE Poisson
tree._classes tree._splitter: BestSparseSplitter BestSplitter RandomSparseSplitter
    RandomSplitter Splitter
tree._classes tree._tree: BestFirstTreeBuilder DepthFirstTreeBuilder Tree _build_pruned_tree_ccp
    ccp_pruning_path
tree._export tree._criterion: MSE
tree._export tree._tree: TREE_LEAF TREE_UNDEFINED Tree
utils.__init__ utils.murmurhash: murmurhash3_32
utils.extmath utils.sparsefuncs_fast: csr_row_norms
utils.random utils._random: sample_without_replacement
utils.sparsefuncs utils.sparsefuncs_fast: csc_mean_variance_axis0 csr_matmul_csr_to_dense
    csr_mean_variance_axis0 incr_mean_variance_axis0
utils.validation utils._isfinite: FiniteStatus cy_isfinite
"""


def read() -> frozenset[Place]:
    """Return the places that were read."""
    found = set()
    for line in _READ.replace("\n    ", " ").strip().splitlines():
        where, _, names = line.partition(": ")
        user, module = where.split()
        found |= {Place(user, module, name) for name in names.split()}
    return frozenset(found)


def of_fit() -> frozenset[Place]:
    """Return the places that only `fit` is said to reach."""
    return frozenset(place for place in read() if GUARDS[place.module] == _FIT)
