from __future__ import annotations

import pytest

from registry.tokens.domain.text import PREFIX, digest, new_token, token_id


def test_a_token_names_its_id_and_hides_its_secret() -> None:
    made, text = new_token()

    assert text.startswith(PREFIX)
    assert token_id(text) == made
    assert text not in digest(text)
    assert len(digest(text)) == 64


def test_no_two_tokens_are_alike() -> None:
    assert len({new_token()[1] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", str.upper, lambda _: "acgs_"]
)
def test_another_text_is_no_token(change: object) -> None:
    assert callable(change)
    assert token_id(change(new_token()[1])) is None
