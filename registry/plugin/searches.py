"""Bounds what clients search for, before the database is asked.

SQLite needs seconds for some dozens of joined terms and answers more with an error of its own, and
MLflow gives some mistakes in its readers of filters and orders no code, so that they are a 500.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Models
from mlflow.store.tracking import sqlalchemy_store as tracking
from mlflow.utils import search_logged_model_utils as logged_models
from mlflow.utils.search_utils import SearchModelVersionUtils, SearchUtils

from infra.errors import UsageError
from registry.plugin import patterns
from registry.plugin.mlflow_errors import to_mlflow
from registry.plugin.uncoded import coded

MOST_TERMS = 40
"""Most comparisons of one filter."""
MOST_ORDERS = 20
"""Most keys of one order."""
LONGEST = 100_000
"""Most characters of one filter: room for the ids of some 2,500 runs."""
LONGEST_KEY = 1_000
"""Most characters of one key to order by: MLflow's names of metrics and tags have up to 250."""
_READERS = (
    (SearchUtils, "parse_search_filter"),
    (SearchModelVersionUtils, "parse_search_filter"),
    (logged_models, "parse_filter_string"),
)
"""Each takes a filter's text last, and returns its comparisons."""
_ORDERS = (
    (tracking, "_get_orderby_clauses"),
    (tracking, "_get_search_experiments_order_by_clauses"),
    (tracking, "_get_orderby_clauses_for_search_traces"),
    (tracking, "_get_search_datasets_order_by_clauses"),
    (Models, "_parse_search_registered_models_order_by"),
    (Models, "_parse_search_model_versions_order_by"),
)
"""Each reads a list of orders, which comes first; none asks the database."""


class TooMuchAskedError(UsageError):
    """A search has more terms, orders or text than the platform lets a database look for."""

    code = "registry.search_too_large"


def install() -> None:
    """Install the bounds around MLflow's readers, once in a process."""
    for owner, name in _READERS:
        _wrap(owner, name, _bounded)
    for owner, name in _ORDERS:
        _wrap(owner, name, _as_the_clients)


def _wrap(owner: Any, name: str, around: Callable[[Callable[..., Any]], Any]) -> None:
    found = vars(owner)[name]
    if hasattr(found, "__wrapped__") and not isinstance(found, classmethod):
        return
    if isinstance(found, classmethod):
        if not hasattr(found.__func__, "__wrapped__"):
            setattr(owner, name, classmethod(around(found.__func__)))
        return
    setattr(owner, name, around(found))


def _bounded(read: Callable[..., Any]) -> Callable[..., Any]:
    as_the_clients = coded(read, INVALID_PARAMETER_VALUE)

    @wraps(read)
    def call(*given: Any) -> Any:
        text = given[-1]
        if isinstance(text, str) and len(text) > LONGEST:
            raise _too_much(f"a filter of at most {LONGEST} characters", len(text))
        found = as_the_clients(*given)
        if isinstance(found, list):
            _check(found)
        return found

    return call


def _check(comparisons: list[Any]) -> None:
    if len(comparisons) > MOST_TERMS:
        raise _too_much(f"a filter of at most {MOST_TERMS} terms", len(comparisons))
    try:
        for pattern in _patterns(comparisons):
            patterns.check(pattern)
    except UsageError as err:
        raise to_mlflow(err) from err


def _patterns(comparisons: Iterable[Any]) -> Iterator[str]:
    for each in comparisons:
        if isinstance(each, dict) and str(each.get("comparator")).upper() == "RLIKE":
            yield str(each.get("value"))
            if each.get("type") == "span":
                # MLflow puts the name of a span's attribute into the pattern.
                yield str(each.get("key"))


def _as_the_clients(read: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a mistake without a code, such as a key given twice, as the client's."""
    as_the_clients = coded(read, INVALID_PARAMETER_VALUE)

    @wraps(read)
    def call(*given: Any, **named: Any) -> Any:
        for orders in given:
            is_list = isinstance(orders, Sequence) and not isinstance(orders, str)
            if is_list and len(orders) > MOST_ORDERS:
                raise _too_much(f"an order of at most {MOST_ORDERS} keys", len(orders))
            longest = max((len(str(key)) for key in orders or ()), default=0) if is_list else 0
            if longest > LONGEST_KEY:
                raise _too_much(f"keys to order by of at most {LONGEST_KEY} characters", longest)
        return as_the_clients(*given, **named)

    return call


def _too_much(expected: str, found: int) -> MlflowException:
    return to_mlflow(
        TooMuchAskedError(f"expected {expected}, found {found}", hint="ask for less at a time")
    )
