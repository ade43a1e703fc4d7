"""Refuses page tokens that MLflow's three token readers cannot handle.

A token says where a page begins. MLflow compares neither its type nor its size, so most of what
is no token becomes a page of HTML with status 500.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import wraps
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.search_utils import SearchLoggedModelsPaginationToken, SearchUtils

from infra.errors import UsageError
from registry.plugin.mlflow_errors import to_mlflow

_LARGEST = 2**63 - 1
"""What the databases take for an offset."""
_UNREADABLE = (ValueError, TypeError, AttributeError, OverflowError, RecursionError)


def install() -> None:
    """Install a check around each reader, once in a process."""
    if hasattr(SearchUtils.parse_start_offset_from_page_token, "__wrapped__"):
        return
    reader = SearchUtils.parse_start_offset_from_page_token.__func__
    SearchUtils.parse_start_offset_from_page_token = classmethod(_checked(reader, int))
    decode = SearchLoggedModelsPaginationToken.decode.__func__
    SearchLoggedModelsPaginationToken.decode = classmethod(
        _checked(decode, lambda token: token.offset)
    )
    SqlAlchemyStore._load_dataset_records = _with_known_place(SqlAlchemyStore._load_dataset_records)


def _checked(read: Callable[..., Any], offset_of: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(read)
    def call(kind: type, token: Any) -> Any:
        try:
            found = read(kind, token)
            _check(offset_of(found))
        except _UNREADABLE as err:
            raise _refused(token) from err
        return found

    return call


def _with_known_place(load: Callable[..., Any]) -> Callable[..., Any]:
    """Check a token of dataset records: base64 of `milliseconds:id`, or the offset itself."""

    @wraps(load)
    def call(
        store: Any, dataset_id: str, max_results: int | None = None, page_token: str | None = None
    ) -> Any:
        if page_token:
            try:
                _check(_place(page_token))
            except _UNREADABLE as err:
                raise _refused(page_token) from err
        return load(store, dataset_id, max_results=max_results, page_token=page_token)

    return call


def _place(token: str) -> int:
    try:
        created_ms, _id = base64.b64decode(token.encode()).decode().split(":", 1)
        return int(created_ms)
    except ValueError:
        return int(token)


def _check(offset: object) -> None:
    if type(offset) is not int or not 0 <= offset <= _LARGEST:
        raise ValueError("not a position in a list")


def _refused(token: object) -> MlflowException:
    return to_mlflow(
        UsageError(
            f"expected a page token of an earlier answer, found {str(token)[:40]!r}",
            hint="send the token unchanged, or none for the first page",
        )
    )
