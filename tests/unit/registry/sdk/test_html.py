"""What Jupyter shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.sdk import html


@given(st.text())
def test_no_text_becomes_markup(text: str) -> None:
    shown = html.table(text, (text,), [(text,)]) + html.facts(text, {text: text})
    plain = html.table("", ("",), [("",)]) + html.facts("", {"": "x"})
    assert shown.count("<") <= plain.count("<")


def test_an_empty_table_says_so() -> None:
    assert "none" in html.table("Requests", ("id",), [])


def test_what_is_not_known_is_left_out() -> None:
    assert "commit" not in html.facts("Version", {"commit": None, "run": "r1"})
