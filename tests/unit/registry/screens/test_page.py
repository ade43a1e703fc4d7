"""The page of a request: everything that is to be seen, escaped, and the same each time."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from registry.screens import page
from tests.support.screens import FACTS, FORMS, SCRIPT


def changed(**request: Any) -> dict[str, Any]:
    facts = deepcopy(FACTS)
    facts["request"] |= request
    return facts


@pytest.mark.parametrize(
    "told",
    [
        "1.2.0: transition to Production", "asked by <b>ben@10.0.0.1</b>", "expires on 2026-03-09",
        "It waits for 1 approval as lead", "fairness.gap", "at least 0.95 needed", "0.9123",
        "credit 1.1.0 (version 2) serves now", "<b>major</b>", "a column is new", "50 % of",
        "&#34;steps&#34;", "sam for eve", "group:Risk, Läufer &amp; Söhne could give it",
        "void: the verdict changed since", "from\nMärz?", "sha256:files", "Names are claims",
        'href="../../acgs/screens/42?vote=1"', "/acgs/lineage/%3Cscript%3E",
    ],
)  # fmt: skip
def test_the_page_shows_each_fact(told: str) -> None:
    assert told in page.render(FACTS)


def test_a_rule_that_failed_stands_before_those_that_passed() -> None:
    text = page.render(FACTS)
    assert text.index('<th scope="row">fairness.gap') < text.index('<th scope="row">fairness.ok')


def test_nothing_on_the_page_runs_or_comes_from_elsewhere() -> None:
    text = page.render(FACTS, FORMS)
    assert "<script" not in text
    assert "<b>," not in text
    found = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert found
    assert all(place.startswith("../../") for place in found), found


def test_the_page_without_forms_is_a_function_of_the_facts() -> None:
    assert page.render(FACTS) == page.render(deepcopy(FACTS))
    assert page.digest_of(FACTS) == page.digest_of(deepcopy(FACTS))
    assert page.digest_of(FACTS) != page.digest_of(changed(comments=[]))
    # What is not to be seen changes it too: the page names the digest of all facts.
    assert page.digest_of(FACTS) != page.digest_of({**FACTS, "more": 1})


def test_a_form_carries_what_was_seen_and_offers_votes_that_were_lent() -> None:
    text = page.render(FACTS, FORMS)
    assert text.count('value="sha256:page"') == text.count("<form") == 5
    assert '<option value="dan">' in text
    assert 'name="name"' not in text
    assert "You approve as lead" in text


def test_who_gave_no_name_types_one_before_voting() -> None:
    text = page.render(FACTS, page.Forms("", "d", "t", may_say_who=True))
    assert text.count("<form") == text.count('name="name" required') == 1
    assert "is a claim" in text


def test_a_visitor_is_asked_for_a_name_and_told_why() -> None:
    text = page.ask_name(42, SCRIPT)
    assert "Request 42: who are you?" in text
    assert "<script" not in text


def test_nobody_can_approve_without_a_verdict() -> None:
    text = page.render({**FACTS, "verdict": None}, FORMS)
    assert "nobody can approve" in text
    assert 'value="approve"' not in text
    assert 'value="reject"' in text


def test_a_decided_request_has_no_forms_and_says_why_it_was_refused() -> None:
    reason = {"rule": "approval.rejected", "expected": "e", "found": "not now", "fix": "f"}
    text = page.render(changed(state="refused", decision={"reasons": [reason]}), FORMS)
    assert "<form" not in text
    assert "not now" in text
