from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.identity.principal import Kind, Principal, Scope, Source, name_key

ONE_PERSON = [
    ("capitals", "Mallory", "mallory"),
    ("full width", "\uff4d\uff41\uff4c\uff4c\uff4f\uff52\uff59", "mallory"),
    ("ligature", "\ufb01nn", "finn"),
    ("accent apart", "Rene\u0301e", "Ren\u00e9e"),
    ("sharp s", "STRASSE", "stra\u00dfe"),
    ("final sigma", "\u039f\u03a3", "\u03bf\u03c2"),
    ("zero-width joiner", "mal\u200dlory", "mallory"),
    ("soft hyphen", "mal\u00adlory", "mallory"),
    ("right-to-left mark", "\u200fmallory", "mallory"),
    ("variation selector", "mallory\ufe0f", "mallory"),
    ("hangul filler", "mallory\u3164", "mallory"),
    ("spaces around", " mallory ", "mallory"),
    ("no-break space", "mallory\u00a0smith", "mallory smith"),
    ("two spaces", "mallory  smith", "mallory smith"),
    ("kelvin sign", "\u212aim", "kim"),
    ("circled", "\u24dcallory", "mallory"),
]


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in ONE_PERSON])
def test_two_spellings_of_a_name_are_one_person(one: str, other: str) -> None:
    assert Principal(one).key == Principal(other).key


def test_letters_of_another_alphabet_are_other_letters() -> None:
    cyrillic_a = "m\u0430llory"

    assert name_key(cyrillic_a) != name_key("mallory")


@given(st.text(max_size=30))
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@given(st.text(max_size=30))
def test_capitals_never_change_a_key(name: str) -> None:
    assert name_key(name.casefold()) == name_key(name)


def test_a_service_has_the_key_of_the_person_of_its_name_but_not_the_permissions() -> None:
    person, service = Principal("ci"), Principal("CI", Kind.SERVICE)

    assert person.key == service.key
    assert (person.subject, service.subject) == ("person:ci", "service:ci")


@pytest.mark.parametrize("name", ["", "anonymous", "Anonymous", "\u200d"])
def test_nobody_has_no_name(name: str) -> None:
    assert not Principal(name).is_named


def test_only_a_claim_is_not_proven() -> None:
    assert [source for source in Source if not source.is_proven] == [Source.CLAIM]


def test_facts_are_what_is_stored_of_a_principal() -> None:
    found = Principal("Ren\u00e9e", groups=("risk, credit",), source=Source.JWT).facts()

    assert found == {
        "name": "Ren\u00e9e",
        "key": "ren\u00e9e",
        "kind": "person",
        "groups": ["risk, credit"],
        "source": "jwt",
    }


def test_a_scope_covers_what_all_its_patterns_match() -> None:
    scope = Scope(names=("credit*",), stages=("Staging",), verbs=("read", "request"))

    assert scope.covers("read", "Credit-A")
    assert scope.covers("request", "credit", "staging")
    assert not scope.covers("request", "credit", "Production")
    assert not scope.covers("request", "fraud", "Staging")
    assert not scope.covers("approve", "credit", "Staging")
