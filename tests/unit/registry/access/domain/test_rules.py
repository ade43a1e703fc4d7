"""Roles: what is allowed to whom, for which names and stages, and what a refusal says."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.identity.principal import NOBODY, Kind, Principal, Source
from registry.access.domain.rules import Grant, Grantee, Role, Roles, lockout
from registry.access.domain.verbs import MEANINGS, Verb
from registry.domain.values import Stage

SCIENTIST = Role("scientist", frozenset({Verb.READ, Verb.REGISTER, Verb.ASK}))
LEAD = Role("lead", frozenset({Verb.READ, Verb.APPROVE, Verb.ROLL_BACK}))
ADMINISTRATOR = Role("administrator", frozenset({Verb.CHANGE_ACCESS, Verb.MANAGE_WEBHOOKS}))


def grant(role: Role, to: str, names: tuple[str, ...] = ("*",), *stages: Stage) -> Grant:
    return Grant(role, (Grantee.read(to),), names, frozenset(stages))


ROLES = Roles(
    (
        grant(SCIENTIST, "group:Risk, Models", ("credit*", "Fraud-?"), Stage.STAGING),
        grant(SCIENTIST, "service:ci", ("credit*",)),
        grant(LEAD, "person:Grace", ("credit*",), Stage.PRODUCTION),
        grant(ADMINISTRATOR, "person:admin"),
        grant(ADMINISTRATOR, "person:helper", ("credit*",)),
    )
)
ALICE = Principal("alice", groups=("risk,  models",), source=Source.JWT)
GRACE = Principal("GRACE", source=Source.BASIC_AUTH)
CI = Principal("ci", Kind.SERVICE, source=Source.SERVICE_TOKEN)
ADMIN = Principal("admin", source=Source.BASIC_AUTH)

CASES: dict[str, tuple[Principal, Verb, str | None, Stage | None, bool]] = {
    "a group's right, its name written otherwise": (ALICE, Verb.REGISTER, "credit-x", None, True),
    "a name of other capitals": (ALICE, Verb.REGISTER, "CREDIT-X", None, True),
    "a pattern of one more character": (ALICE, Verb.REGISTER, "fraud-1", None, True),
    "a name that no grant has": (ALICE, Verb.REGISTER, "fraud-12", None, False),
    "a stage of the grant": (ALICE, Verb.ASK, "credit-x", Stage.STAGING, True),
    "a stage that the grant has not": (ALICE, Verb.ASK, "credit-x", Stage.PRODUCTION, False),
    "a limited grant, asked without a stage": (ALICE, Verb.ASK, "credit-x", None, False),
    "an unlimited grant, any stage": (CI, Verb.ASK, "credit-x", Stage.PRODUCTION, True),
    "a verb that the role has not": (ALICE, Verb.APPROVE, "credit-x", Stage.STAGING, False),
    "a person of a service's name": (
        Principal("ci", source=Source.JWT), Verb.REGISTER, "credit-x", None, False,
    ),
    "a group of a person's name": (
        Principal("eve", groups=("grace",), source=Source.JWT),
        Verb.APPROVE, "credit-x", Stage.PRODUCTION, False,
    ),
    "the person, in capitals": (GRACE, Verb.APPROVE, "credit-x", Stage.PRODUCTION, True),
    "a verb whose stages are not limited": (GRACE, Verb.ROLL_BACK, "credit-x", None, True),
    "a verb of the platform, granted for all names": (ADMIN, Verb.CHANGE_ACCESS, None, None, True),
    "a verb of the platform, granted for some names": (
        Principal("helper", source=Source.JWT), Verb.CHANGE_ACCESS, None, None, False,
    ),
    "nobody": (NOBODY, Verb.READ, "credit-x", None, False),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked_is_allowed_exactly_where_a_grant_says_so(case: str) -> None:
    principal, verb, name, stage, allowed = CASES[case]
    assert (ROLES.denial(principal, verb, name, stage) is None) is allowed


def test_a_denial_names_the_roles_that_would_do_and_who_can_give_them() -> None:
    denial = ROLES.denial(ALICE, Verb.APPROVE, "credit-x", Stage.PRODUCTION)
    assert denial is not None
    assert denial.roles == ("lead",)
    assert denial.givers == ("person:admin",)


def test_roles_say_by_which_of_them_somebody_may_do_something() -> None:
    asked = (Verb.APPROVE, "credit-x", Stage.PRODUCTION)
    assert ROLES.roles_of(GRACE, *asked) == ("lead",)
    assert ROLES.roles_of(ALICE, *asked) == ()


@given(
    verb=st.sampled_from(Verb),
    name=st.one_of(st.none(), st.text(max_size=8)),
    stage=st.sampled_from([None, *Stage]),
    groups=st.lists(st.text(max_size=8)).map(tuple),
)
def test_without_grants_nobody_may_do_anything(
    verb: Verb, name: str | None, stage: Stage | None, groups: tuple[str, ...]
) -> None:
    assert Roles(()).denial(Principal("alice", groups=groups), verb, name, stage) is not None


@given(first=st.sampled_from(ROLES.grants), second=st.sampled_from(ROLES.grants))
def test_a_further_grant_takes_nothing_away(first: Grant, second: Grant) -> None:
    less, more = Roles((first,)), Roles((first, second))
    for principal, verb in product((ALICE, GRACE, CI, ADMIN), Verb):
        for stage in (None, Stage.STAGING, Stage.PRODUCTION):
            if less.denial(principal, verb, "credit-x", stage) is None:
                assert more.denial(principal, verb, "credit-x", stage) is None


@pytest.mark.parametrize(
    ("grants", "locks_out"),
    [
        ((grant(SCIENTIST, "person:admin"),), True),
        ((grant(ADMINISTRATOR, "person:admin"),), False),
        ((grant(ADMINISTRATOR, "person:admin", ("credit*",)),), True),
        ((grant(ADMINISTRATOR, "service:ci"),), True),
        ((grant(ADMINISTRATOR, "everybody"),), False),
        ((grant(ADMINISTRATOR, "group:risk, models"),), False),
        ((grant(ADMINISTRATOR, "group:others"),), True),
        ((grant(ADMINISTRATOR, "group:others"), grant(ADMINISTRATOR, "person:zoe")), False),
    ],
)
def test_roles_that_nobody_could_change_again_are_found(
    grants: tuple[Grant, ...], locks_out: bool
) -> None:
    assert (lockout(Roles(grants), ALICE) is not None) is locks_out


@pytest.mark.parametrize("text", ["alice", "person:", "person: ", "team:x", "", "everyone", ":x"])
def test_a_grantee_of_no_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected person:NAME"):
        Grantee.read(text)


def test_every_verb_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verb)
