from __future__ import annotations

from typing import Any

import pytest

from infra.identity.bearer.claims import principal_of
from infra.identity.bearer.errors import WrongClaimsError
from infra.identity.principal import Kind

KEYCLOAK = {"sub": "1", "preferred_username": "alice", "realm_access": {"roles": ["risk"]}}


def test_a_claim_inside_of_another_is_found_by_a_path() -> None:
    found = principal_of(KEYCLOAK, "preferred_username", "realm_access.roles")

    assert (found.name, found.groups) == ("alice", ("risk",))


def test_a_claim_whose_name_has_dots_comes_before_a_path() -> None:
    claims = {"sub": "a", "https://x.org/groups": ["b"], "https://x": {"org/groups": ["c"]}}

    assert principal_of(claims, "sub", "https://x.org/groups").groups == ("b",)


def test_one_text_is_one_group() -> None:
    assert principal_of({"sub": "a", "groups": "x, y"}, "sub", "groups").groups == ("x, y",)


def test_a_token_without_groups_has_none() -> None:
    assert principal_of({"sub": "a"}, "sub", "realm.roles").groups == ()


@pytest.mark.parametrize("claims", [{}, {"email": None}, {"email": ["a"]}, {"email": {"x": 1}}])
def test_a_token_without_the_name_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(WrongClaimsError, match="claim email"):
        principal_of({"sub": "a", **claims}, "email", "groups")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "ci", "client_id": "ci"},
        {"sub": "ci", "azp": "ci"},
        {"sub": "x", "idtyp": "app"},
        {"sub": "x@clients", "gty": "client-credentials"},
        {"sub": "x", "preferred_username": "service-account-ci"},
    ],
)
def test_a_client_that_acts_for_nobody_is_a_service(claims: dict[str, Any]) -> None:
    assert principal_of(claims, "sub", "groups").kind is Kind.SERVICE


def test_a_person_at_a_client_is_a_person() -> None:
    claims = {"sub": "alice", "azp": "web", "client_id": "web"}

    assert principal_of(claims, "sub", "groups").kind is Kind.PERSON
