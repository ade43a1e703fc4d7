"""What people see in MLflow: the platform's line beside their own words, and a score."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.adapters.mirror import own_words, request_link
from registry.domain.values import shown_score

LINE = "**Governance** version `1.0.0` · passed for Production, score **1.000**"


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("", ""),
        (LINE, ""),
        ("mine", "mine"),
        (f"mine\n\n---\n{LINE}", "mine"),
        (f"{LINE}\nadded below", "\nadded below"),
        (f"mine\n\n---\n{LINE}\nadded below", "mine\nadded below"),
        (f"\n mine \n\n\n\n---\n{LINE}", "\n mine \n\n"),
        ("we take **Governance** seriously", "we take **Governance** seriously"),
    ],
)
def test_the_platforms_line_is_taken_out_and_a_persons_words_stay(
    description: str, words: str
) -> None:
    assert own_words(description) == words


@given(st.floats(0, 1))
def test_a_score_is_never_shown_as_more_than_it_is(score: float) -> None:
    shown = float(shown_score(score))
    assert score - 0.001 < shown <= score + 1e-9


def test_a_score_just_below_the_bar_does_not_read_as_the_bar() -> None:
    assert shown_score(0.9499) == "0.949"
    assert shown_score(0.95) == "0.950"


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("42: waiting for ann: lead", "request [42](acgs/requests/42): waiting for ann: lead"),
        ("a person's own: word", "request a person's own: word"),
        ("²: x", "request ²: x"),
        ("", "request "),
    ],
)
def test_a_request_is_a_link_to_its_page(tag: str, shown: str) -> None:
    assert request_link(tag) == shown
