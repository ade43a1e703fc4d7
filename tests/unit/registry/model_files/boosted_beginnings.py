"""Boosted trees whose first answers have fewer columns than their trees add to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn._loss.loss import ExponentialLoss, HalfBinomialLoss, HalfSquaredError
from sklearn.ensemble import GradientBoostingClassifier, VotingClassifier

_ROWS = np.random.default_rng(0).random((60, 3))


def _boosted() -> GradientBoostingClassifier:
    return GradientBoostingClassifier(n_estimators=1).fit(_ROWS, np.arange(60) % 6)


def _with_loss(loss: type[Any]) -> Any:
    model = _boosted()
    model._loss = loss(sample_weight=None)
    return model


def _with_dummy(strategy: str, classes: int = 1) -> Any:
    model = _boosted()
    vars(model.init_).update(strategy=strategy, _strategy=strategy, n_classes_=classes)
    return model


def _in_a_vote() -> Any:
    vote = VotingClassifier([("boosted", _boosted())], voting="soft", weights=[0.0])
    vote.fit(_ROWS, np.arange(60) % 6)
    vote.estimators_[0] = _with_loss(HalfBinomialLoss)
    return vote


BEGINNINGS: dict[str, Callable[[], Any]] = {
    **{
        f"six classes with {loss.__name__}": partial(_with_loss, loss)
        for loss in (HalfBinomialLoss, ExponentialLoss, HalfSquaredError)
    },
    **{
        f"a beginning of one class by {strategy}": partial(_with_dummy, strategy)
        for strategy in ("uniform", "most_frequent", "constant", "stratified", "prior")
    },
    "a beginning by uniform chance": lambda: _with_dummy("uniform", 6),
    "a member of no weight": _in_a_vote,
}
