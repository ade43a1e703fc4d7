"""Every place where scikit-learn's Python calls compiled code was read, and has its guard."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.configured_estimators import CONFIGURED, configured
from tests.support.fitted_estimators import ESTIMATORS, fitted
from tests.support.judged_models import answers
from tests.unit.registry.model_files import compiled_calls
from tests.unit.registry.model_files.compiled_calls import GUARDS, Place


def test_every_compiled_name_that_scikit_learn_uses_was_read() -> None:
    """A new one is read for what it trusts, then guarded by a rule and added to the table."""
    assert compiled_calls.places() - compiled_calls.read() == frozenset()


def test_nothing_in_the_table_has_gone() -> None:
    assert compiled_calls.read() - compiled_calls.places() == frozenset()


def test_each_compiled_module_in_use_has_its_guard() -> None:
    assert {place.module for place in compiled_calls.read()} == set(GUARDS)


def test_what_fit_alone_calls_is_called_by_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models += [fitted(name) for name in sorted(set(ESTIMATORS) - {"HDBSCAN"})]
        models += [configured(name) for name in CONFIGURED]
        called: set[Place] = set()
        for place in compiled_calls.of_fit():
            _watch(place, called, monkeypatch)
        for model, features in models:
            answers(model, features)
    assert called == set()


def test_a_call_while_answering_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[Place] = set()
    model, features = fitted("GradientBoostingRegressor")
    place = Place("ensemble._gb", "ensemble._gradient_boosting", "predict_stages")
    _watch(place, called, monkeypatch)
    answers(model, features)
    assert called == {place}


def _watch(place: Place, called: set[Place], monkeypatch: pytest.MonkeyPatch) -> None:
    """Record calls of a compiled function, where its user looks it up; classes are left alone."""
    user: Any = importlib.import_module(f"sklearn.{place.user.removesuffix('.__init__')}")
    owner = (
        user if hasattr(user, place.name) else importlib.import_module(f"sklearn.{place.module}")
    )
    found = getattr(owner, place.name)
    if not isinstance(found, type) and callable(found):
        monkeypatch.setattr(owner, place.name, _recording(found, place, called))


def _recording(found: Callable[..., Any], place: Place, called: set[Place]) -> Callable[..., Any]:
    def record(*args: Any, **options: Any) -> Any:
        called.add(place)
        return found(*args, **options)

    return record
