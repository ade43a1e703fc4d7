from __future__ import annotations

import base64

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.search_utils import (
    SearchLoggedModelsPaginationToken,
    SearchTraceUtils,
    SearchUtils,
)

from registry.plugin import page_tokens


@pytest.fixture(autouse=True)
def _installed() -> None:
    page_tokens.install()


def packed(text: bytes) -> str:
    return base64.b64encode(text).decode()


WRONG = {
    "text": "x",
    "letters beyond ASCII": "é",
    "a list": packed(b"[]"),
    "a number": packed(b"1"),
    "null": packed(b"null"),
    "beyond any database": packed(b'{"offset": 1e30}'),
    "beyond any number": packed(b'{"offset": 1e999}'),
    "a digit too many": packed(b'{"offset": 99999999999999999999}'),
    "more digits than Python reads": packed(b'{"offset": "' + b"1" * 5000 + b'"}'),
    "negative": packed(b'{"offset": -1}'),
    "no number": packed(b'{"offset": "x"}'),
    "a list of numbers": packed(b'{"offset": [1]}'),
    "bytes": packed(b"\xff"),
    "without end": packed(b"[" * 100_000),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_token_is_the_clients_mistake(name: str) -> None:
    for reader in (
        SearchUtils.parse_start_offset_from_page_token,
        SearchTraceUtils.parse_start_offset_from_page_token,
        SearchLoggedModelsPaginationToken.decode,
    ):
        with pytest.raises(MlflowException) as told:
            reader(WRONG[name])
        assert told.value.get_http_status_code() == 400


def test_tokens_that_were_answered_are_read() -> None:
    assert SearchUtils.parse_start_offset_from_page_token(SearchUtils.create_page_token(7)) == 7
    token = SearchLoggedModelsPaginationToken(experiment_ids=["0"], offset=3)
    assert SearchLoggedModelsPaginationToken.decode(token.encode()) == token
    assert SearchUtils.parse_start_offset_from_page_token(None) == 0
