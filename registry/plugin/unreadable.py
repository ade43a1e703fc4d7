"""Decides whose mistake an error of Python's is that MLflow's code meets in a call.

MLflow checks a call's fields one by one, and not all of them: a list where it expects a number is
a TypeError, an answer with status 500, and a call that its clients resend for minutes.

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
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, event

from infra.errors import UsageError
from registry.plugin.mlflow_errors import to_mlflow

_logger = logging.getLogger(__name__)

KINDS = (TypeError, ValueError, AttributeError, LookupError, SystemError, ArithmeticError)
"""What wrong values raise; the last two in protobuf, at text that is no Unicode and at `1e999`."""
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
_READING_MODULES = frozenset({"urllib.parse", "ipaddress"})
"""Modules of the same kind, of packages that otherwise reach out."""
_AROUND = frozenset(
    f"registry.plugin.{name}"
    for name in (
        "mlflow_errors",
        "odd_bodies",
        "page_tokens",
        "searches",
        "sessions",
        "store_arguments",
        "trace_tags",
        "uncoded",
        "unreadable",
    )
)
"""What the platform wraps around MLflow's code."""
_DRIVER_CALLS = "sqlalchemy.engine.default"
"""Module that hands statements to the database's driver, which has no Python frames itself."""
_SENT = "acgs_statement_sent"


class CallUnreadableError(UsageError):
    """A field of a call's body has another type or form than MLflow expects."""

    code = "registry.call_unreadable"


def note_statements() -> None:
    """Note from now on, for each call, that a statement was sent to a database."""
    if not event.contains(Engine, "before_cursor_execute", _note):
        event.listen(Engine, "before_cursor_execute", _note)


def refusal(error: BaseException | None) -> MlflowException | None:
    """Return the client's answer to an error that is its mistake; None if it is the server's."""
    if not isinstance(error, KINDS) or not flask.has_request_context():
        return None
    if _is_unstorable(error):
        return unreadable(
            "expected texts that a database can hold, without NUL characters and lone surrogates, "
            f"found: {error!s:.200}"
        )
    given = flask.request.query_string or flask.request.get_data()
    if not given or flask.g.get(_SENT, False) or not _is_readers(error.__traceback__):
        return None
    _logger.warning("MLflow could not read %s", flask.request.path, exc_info=error)
    return unreadable(
        f"expected a call that MLflow can read, found one at which it says: {error!s:.200}"
    )


def unreadable(message: str) -> MlflowException:
    """Return the answer to a call that cannot be read."""
    return to_mlflow(
        CallUnreadableError(message, hint="compare the body's fields with MLflow's REST API")
    )


def _note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    # MLflow sets up each session of SQLite with pragmas, which read nothing.
    if flask.has_request_context() and not statement.startswith("PRAGMA"):
        flask.g.setdefault(_SENT, True)


def _is_unstorable(error: BaseException) -> bool:
    """Return whether a database's driver could not pack a text into a statement."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    is_drivers = trace is not None and trace.tb_frame.f_globals.get("__name__") == _DRIVER_CALLS
    return is_drivers and isinstance(error, ValueError)


def _is_readers(trace: TracebackType | None) -> bool:
    """Return whether each frame of a trace reads arguments, or is around what reads them."""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        is_reader = module in _READING_MODULES or module.partition(".")[0] in _READERS
        if module not in _AROUND and not is_reader:
            return False
        trace = trace.tb_next
    return True
