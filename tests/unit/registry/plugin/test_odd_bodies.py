"""Whose mistake an error in a handler is."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import flask
import pytest
from mlflow.entities.issue import IssueStatus
from sqlalchemy import create_engine, text

from registry.plugin import odd_bodies, unreadable


def read_text() -> str:
    return str(json.loads("x"))


def build_entity() -> str:
    return str(IssueStatus("x"))


def read_after_a_statement() -> str:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT 1"))
    return str(json.loads("x"))


def read_after_a_pragma() -> str:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("PRAGMA foreign_keys = ON"))
    return str(json.loads("x"))


def read_a_url() -> str:
    return str(urlsplit("//[x"))


def store_half_a_letter_after_a_statement() -> str:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.execute(text("SELECT :given"), {"given": "\ud800"})
    return ""


def miss_a_name() -> str:
    return flask.request.args["name"]


def fail_elsewhere() -> str:
    return str(base64.b64decode("a"))


def fail_otherwise() -> str:
    raise RuntimeError("the server's own")


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    # As if the handlers below were MLflow's.
    monkeypatch.setattr(unreadable, "_READERS", unreadable._READERS | {"tests"})
    app = flask.Flask(__name__)
    odd_bodies.install(app)

    def call(handler: Callable[[], str], body: str = "{}") -> int:
        app.add_url_rule("/", view_func=handler, methods=["POST"])
        return app.test_client().post("/", data=body).status_code

    return call


@pytest.mark.parametrize("handler",
    [
        read_text, build_entity, read_after_a_pragma, miss_a_name, read_a_url,
        store_half_a_letter_after_a_statement,
    ],
)  # fmt: skip
def test_an_error_at_nothing_but_the_call_is_the_clients(
    ask: Callable[..., int], handler: Callable[[], str]
) -> None:
    assert ask(handler) == 400


@pytest.mark.parametrize("handler", [read_after_a_statement, fail_elsewhere, fail_otherwise])
def test_any_other_error_stays_the_servers(
    ask: Callable[..., int], handler: Callable[[], str]
) -> None:
    assert ask(handler) == 500


def test_an_error_without_a_body_to_blame_is_the_servers(ask: Callable[..., int]) -> None:
    assert ask(read_text, body="") == 500


def test_an_error_is_logged_with_its_trace(
    ask: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    ask(read_text)
    assert re.search("could not read /\n.*read_text", caplog.text, re.DOTALL)
