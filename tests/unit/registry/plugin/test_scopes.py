from __future__ import annotations

import pytest

from registry.access.domain.verbs import Verb
from registry.plugin.scopes import verb_of
from tests.support.mlflow_routes import routes

SORTED = [
    ("GET", "/api/2.0/mlflow/registered-models/get", Verb.READ),
    ("GET", "/", Verb.READ),
    ("POST", "/api/2.0/mlflow/runs/search", Verb.READ),
    ("POST", "/api/2.0/mlflow/registered-models/get-latest-versions", Verb.READ),
    ("POST", "/api/2.0/mlflow/runs/create", Verb.LOG),
    ("POST", "/ajax-api/2.0/mlflow/experiments/delete", Verb.LOG),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/x", Verb.LOG),
    ("POST", "/v1/traces", Verb.LOG),
    ("POST", "/api/2.0/mlflow/registered-models/create", None),
    ("DELETE", "/ajax-api/2.0/mlflow/model-versions/delete", None),
    ("POST", "/api/2.0/mlflow/webhooks", Verb.OTHER),
    ("POST", "/api/2.0/mlflow/users/create", Verb.OTHER),
    ("POST", "/graphql", Verb.OTHER),
    ("POST", "/gateway/proxy/x", Verb.OTHER),
    ("POST", "/acgs/api/v1/anything", Verb.OTHER),
    ("POST", "/acgs/api/v1/operations/registry/approve", None),
    ("POST", "/x/api/2.0/mlflow/runs/search", Verb.OTHER),
]


@pytest.mark.parametrize(("method", "path", "verb"), SORTED)
def test_a_call_is_sorted_by_its_path(method: str, path: str, verb: Verb | None) -> None:
    assert verb_of(method, path) is verb


def test_no_change_of_mlflow_s_counts_as_a_read() -> None:
    reads = {
        path
        for method, path in routes()
        if method != "GET" and method != "HEAD" and verb_of(method, path) is Verb.READ
    }

    assert {path.rpartition("/")[2] for path in reads} <= {
        "search", "get-latest-versions", "batchGetTraces", "search-datasets",
    }  # fmt: skip
