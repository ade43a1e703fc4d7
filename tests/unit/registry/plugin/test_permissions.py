"""Every change that MLflow's store is asked for takes a permission, which its arguments tell."""

from __future__ import annotations

import pytest
from mlflow.store.model_registry.abstract_store import AbstractStore

from infra.identity.errors import OutOfScopeError
from infra.identity.principal import Kind, Principal, Scope, Source
from registry.access.domain.verbs import Verb
from registry.access.scopes import require_covered
from registry.plugin import permissions
from registry.plugin.store import GovernedStore

CI = Principal(
    "ci",
    Kind.SERVICE,
    source=Source.SERVICE_TOKEN,
    scope=Scope(("credit*",), ("Staging",), ("register", "describe", "ask")),
)


def judge(called: str, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    for need in permissions.needs(called, args, kwargs):
        require_covered(CI, need.verb, need.name, need.stage)


def test_every_change_of_the_store_asks() -> None:
    changes = [
        name
        for name in dir(AbstractStore)
        if not name.startswith(("_", "get_", "search_", "list_", "supports_"))
    ]
    assert len(changes) > 25
    for name in changes:
        assert getattr(GovernedStore, name).__code__ is permissions._asking("", print).__code__, (
            name
        )


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
    judge(called, args, kwargs)


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
        judge(called, args, kwargs)
    assert told.value.code == "auth.scope"


def test_a_person_has_no_scope() -> None:
    require_covered(Principal("alice"), Verb.OTHER, "anything", "Production")
