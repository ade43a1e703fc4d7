from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Models
from mlflow.store.tracking import sqlalchemy_store as tracking
from mlflow.utils import search_logged_model_utils
from mlflow.utils.search_utils import (
    SearchEvaluationDatasetsUtils,
    SearchExperimentsUtils,
    SearchIssuesUtils,
    SearchMCPAccessEndpointUtils,
    SearchMCPServerUtils,
    SearchMCPServerVersionUtils,
    SearchModelUtils,
    SearchModelVersionUtils,
    SearchTraceUtils,
    SearchUtils,
)

from registry.plugin import searches
from registry.plugin.searches import LONGEST, LONGEST_KEY, MOST_ORDERS, MOST_TERMS

READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "runs": (lambda text: SearchUtils.parse_search_filter(text), "tags.a = 'x'"),
    "experiments": (lambda text: SearchExperimentsUtils.parse_search_filter(text), "name = 'x'"),
    "models": (lambda text: SearchModelUtils.parse_search_filter(text), "name = 'x'"),
    "versions": (lambda text: SearchModelVersionUtils.parse_search_filter(text), "name = 'x'"),
    "traces": (
        lambda text: SearchTraceUtils.parse_search_filter_for_search_traces(text),
        "feedback.a = 'x'",
    ),
    "datasets": (
        lambda text: SearchEvaluationDatasetsUtils.parse_search_filter(text),
        "name = 'x'",
    ),
    "issues": (lambda text: SearchIssuesUtils.parse_search_filter(text), "status = 'x'"),
    "servers": (lambda text: SearchMCPServerUtils.parse_search_filter(text), "name = 'x'"),
    "server versions": (
        lambda text: SearchMCPServerVersionUtils.parse_search_filter(text),
        "version = 'x'",
    ),
    "endpoints": (
        lambda text: SearchMCPAccessEndpointUtils.parse_search_filter(text),
        "status = 'x'",
    ),
    "logged models": (
        lambda text: search_logged_model_utils.parse_filter_string(text),
        "tags.a = 'x'",
    ),
}
ORDERS: dict[str, tuple[Callable[[list[str]], Any], str]] = {
    "runs": (lambda given: tracking._get_orderby_clauses(given, None), "start_time"),
    "traces": (
        lambda given: tracking._get_orderby_clauses_for_search_traces(given, None),
        "timestamp_ms",
    ),
    "models": (lambda given: Models._parse_search_registered_models_order_by(given), "name"),
    "versions": (lambda given: Models._parse_search_model_versions_order_by(given), "name"),
}


@pytest.fixture(autouse=True)
def _installed() -> None:
    searches.install()


def code_of(call: Callable[[Any], Any], given: Any) -> str:
    with pytest.raises(MlflowException) as refused:
        call(given)
    return str(refused.value.error_code)


@pytest.mark.parametrize("name", READERS)
def test_every_filter_is_bounded(name: str) -> None:
    read, term = READERS[name]
    assert len(read(" AND ".join([term] * MOST_TERMS))) == MOST_TERMS
    for large in (" AND ".join([term] * (MOST_TERMS + 1)), term + " " * LONGEST):
        assert code_of(read, large) == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_cannot_be_is_the_clients_mistake(name: str) -> None:
    read, key = ORDERS[name]
    read([key])
    long = key + " " * LONGEST_KEY
    for wrong in ([key, key], [f"{key} ASC", key], [key] * (MOST_ORDERS + 1), [long]):
        assert code_of(read, wrong) == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "term",
    [
        "tags.a RLIKE '{}'",
        "metadata.m RLIKE '{}'",
        "trace.name RLIKE '{}'",
        "span.name RLIKE '{}'",
        "span.attributes.x RLIKE '{}'",
    ],
)
def test_traces_are_searched_by_patterns_of_bounded_cost_alone(term: str) -> None:
    read = SearchTraceUtils.parse_search_filter_for_search_traces
    read(term.format("^a.*b$"))
    for refused in ("(", r"(a)\1", "(?=a)", "x" * 1001):
        assert code_of(read, term.format(refused)) == "INVALID_PARAMETER_VALUE"


def test_a_pattern_hidden_in_an_attributes_name_is_refused() -> None:
    read = SearchTraceUtils.parse_search_filter_for_search_traces
    assert code_of(read, r"span.`attributes.(a)\1` RLIKE 'x'") == "INVALID_PARAMETER_VALUE"
    read("tags.`a(` RLIKE 'x'")
