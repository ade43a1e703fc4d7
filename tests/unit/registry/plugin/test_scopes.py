from __future__ import annotations

import pytest
from mlflow.store.model_registry.abstract_store import AbstractStore

from infra.identity.errors import OutOfScopeError
from infra.identity.principal import Kind, Principal, Scope, Source
from registry.access.domain.verbs import Verb
from registry.access.scopes import require_covered
from registry.plugin import scopes
from registry.plugin.scopes import verb_of
from registry.plugin.store import GovernedStore
from tests.support.mlflow_routes import routes

CI = Principal(
    "ci",
    Kind.SERVICE,
    source=Source.SERVICE_TOKEN,
    scope=Scope(("credit*",), ("Staging",), ("register", "describe", "ask")),
)

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


def test_every_change_of_the_store_asks() -> None:
    changes = [
        name
        for name in dir(AbstractStore)
        if not name.startswith(("_", "get_", "search_", "list_", "supports_"))
    ]
    assert len(changes) > 25
    for name in changes:
        assert getattr(GovernedStore, name).__code__ is scopes._checked("", print).__code__, name


@pytest.mark.parametrize(
    ("called", "args", "kwargs"),
    [
        ("create_registered_model", ("credit-a",), {}),
        ("create_model_version", ("credit-a", "s3://x"), {}),
        ("set_model_version_tag", ("Credit-A", "1", object()), {}),
        ("transition_model_version_stage", ("credit-a", "1", "staging", False), {}),
        ("transition_model_version_stage", (), {"name": "credit-a", "stage": "Staging"}),
        ("set_registered_model_alias", ("credit-a", "Challenger", 1), {}),
        ("set_registered_model_alias", ("credit-a", "nightly", 1), {}),
    ],
)
def test_what_a_token_covers_passes(
    called: str, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    scopes._judge(called, CI, args, kwargs)


@pytest.mark.parametrize(
    ("called", "args", "kwargs"),
    [
        ("create_registered_model", ("fraud",), {}),
        ("create_registered_model", (), {"name": "fraud"}),
        ("transition_model_version_stage", ("credit-a", "1", "Production", False), {}),
        ("transition_model_version_stage", ("credit-a", "1", "nonsense", False), {}),
        ("transition_model_version_stage", ("fraud", "1", "Staging", False), {}),
        ("set_registered_model_alias", ("credit-a", "CHAMPION", 1), {}),
        ("delete_registered_model_alias", ("credit-a", "champion"), {}),
        ("rename_registered_model", ("credit-a", "fraud"), {}),
        ("rename_registered_model", ("fraud", "credit-a"), {}),
        ("delete_model_version", ("credit-a", "1"), {}),
        ("delete_registered_model", ("credit-a",), {}),
        ("create_webhook", ("credit-a", "http://x"), {}),
        ("link_prompts_to_trace", (["credit"], "t"), {}),
    ],
)
def test_what_a_token_does_not_cover_is_refused(
    called: str, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    with pytest.raises(OutOfScopeError) as told:
        scopes._judge(called, CI, args, kwargs)
    assert told.value.code == "auth.scope"


def test_a_person_has_no_scope() -> None:
    require_covered(Principal("alice"), Verb.OTHER, "anything", "Production")
