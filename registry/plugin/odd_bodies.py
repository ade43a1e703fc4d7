"""Answers 400 where MLflow's handlers trip over what a client sent.

MLflow checks a call's fields one by one, and not all of them: a list where it expects a number is
a TypeError, a page of HTML with status 500, and a call that its clients resend for minutes.

Such an error is the client's mistake only if the call was all that the code had to go by: the call
has a body or a query, the error is of a kind that a wrong value causes, MLflow's own code or a
parser that this called raised it, and no statement was sent to a database before. An error after
that may as well come from what is stored, and one in any other library from where that library
reaches out to: both stay 500. What is answered with 400 is logged with its trace, as it may be a
mistake of MLflow's that no client can avoid.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any

import flask
from sqlalchemy import Engine, event
from werkzeug import Response
from werkzeug.exceptions import HTTPException

from infra.errors import UsageError
from registry.plugin.artifact_targets import json_fields
from registry.plugin.mlflow_errors import to_mlflow

_logger = logging.getLogger(__name__)

_KINDS = (TypeError, ValueError, AttributeError, LookupError, SystemError)
"""What wrong values raise; the last of them in protobuf, at text that is no Unicode."""
_READERS = frozenset(
    {
        "contextlib",
        "dataclasses",
        "enum",
        "flask",
        "functools",
        "google",
        "json",
        "mlflow",
        "werkzeug",
    }
)
"""Packages that reach nothing but their arguments, as far as no statement is sent."""
_DEMO = "/mlflow/demo/generate"
_SENT = "acgs_statement_sent"


class CallUnreadableError(UsageError):
    """A field of a call's body has another type or form than MLflow expects."""

    code = "registry.call_unreadable"


class Request(flask.Request):
    """A call whose JSON every handler reads alike."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the body as MLflow's main reader reads it.

        Old clients post JSON within a JSON string, which some handlers take for an object. And
        where a handler asks for no error, a body that is no JSON counts as an empty object.
        """
        found = super().get_json(force=force, silent=silent, cache=cache)
        if isinstance(found, str):
            found = flask.json.loads(found)
        return {} if found is None and silent else found


def install(flask_app: flask.Flask) -> None:
    """Make the app read JSON in one way, and distinguish a client's mistake from the server's."""
    flask_app.request_class = Request
    flask_app.before_request(_guard_demo)
    if not event.contains(Engine, "before_cursor_execute", _note_statement):
        event.listen(Engine, "before_cursor_execute", _note_statement)
    for kind in _KINDS:
        flask_app.register_error_handler(kind, _answer)


def _note_statement(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    # MLflow sets up each session of SQLite with pragmas, which read nothing.
    if flask.has_request_context() and not statement.startswith("PRAGMA"):
        flask.g.setdefault(_SENT, True)


def _answer(error: Exception) -> Response:
    if isinstance(error, HTTPException):  # a KeyError too, if a form or a query lacks a name
        return error.get_response()
    given = flask.request.query_string or flask.request.get_data()
    if not given or flask.g.get(_SENT, False) or not _is_readers(error.__traceback__):
        raise error
    _logger.warning("MLflow could not read %s", flask.request.path, exc_info=error)
    return _refused(
        f"expected a call that MLflow can read, found one at which it says: {error!s:.200}"
    )


def _guard_demo() -> flask.Response | None:
    """Check the one list that a handler reads only after it has asked the database."""
    if not flask.request.path.endswith(_DEMO):
        return None
    features = json_fields(flask.request.get_data()).get("features") or []
    if isinstance(features, list) and all(isinstance(each, str) for each in features):
        return None
    return _refused("expected features that are a list of texts, found another value")


def _refused(message: str) -> flask.Response:
    answer = to_mlflow(
        CallUnreadableError(message, hint="compare the body's fields with MLflow's REST API")
    )
    return flask.Response(
        answer.serialize_as_json(), answer.get_http_status_code(), mimetype="application/json"
    )


def _is_readers(trace: TracebackType | None) -> bool:
    """Return whether a trace has no frame outside `_READERS` and this module."""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module != __name__ and module.partition(".")[0] not in _READERS:
            return False
        trace = trace.tb_next
    return True
