"""Files of some megabytes at most that take long to judge: one thing stands in many objects."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable

import numpy as np
import scipy.sparse
from sklearn.neural_network import MLPRegressor

from tests.support.hostile.kit import Hostile, Kind, name, raw, text

_MANY = b"\x80\x02" + name("sklearn.ensemble._voting", "VotingRegressor") + b")\x81}"
_STATE, _CLASS = (pickle.LONG_BINPUT + bytes([at]) + b"\xff\x00\x00" for at in (1, 2))


def _plain(value: object) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def _members(kind: bytes, setup: bytes, members: bytes, padding: int) -> bytes:
    """Return a file of one estimator with many members; a longer one may hold more of them."""
    more = b"B" + struct.pack("<i", padding) + b"\x00" * padding + b"0"
    begin = _MANY + text("estimators_") + b"]" + setup + more + kind + _CLASS + b"0("
    return begin + members + b"esb."


def _one_state(module: str, cls: str, state: dict[str, object], count: int) -> Callable[[], bytes]:
    """Have many objects share their state."""
    member = b"j\x02\xff\x00\x00)\x81j\x01\xff\x00\x00b"
    setup = _plain(state) + _STATE + b"0"
    return lambda: _members(name(module, cls), setup, member * count, 24 * count)


def _many_floats(count: int) -> bytes:
    """Have many objects hold floats that no other holds."""
    names = [key for key, value in vars(MLPRegressor()).items() if isinstance(value, float)]
    setup = b"".join(text(key) + b"q%c0" % at for at, key in enumerate(names, 16))
    members = (
        b"".join(
            b"h%cG%s" % (at, struct.pack(">d", 0.5 + (index * len(names) + at) * 1e-9))
            for at in range(16, 16 + len(names))
        )
        for index in range(count)
    )
    kind = name("sklearn.neural_network._multilayer_perceptron", "MLPRegressor")
    made = b"".join(b"j\x02\xff\x00\x00)\x81}(" + member + b"ub" for member in members)
    return _members(kind, setup, made, 0)


def _neighbours(rows: int) -> dict[str, object]:
    answers = np.zeros(rows, dtype=np.int64)
    return {
        "_y": answers, "classes_": np.array([0, 1]), "_fit_X": np.zeros((rows, 0)),
        "n_samples_fit_": rows,
    }  # fmt: skip


def _sparse(rows: int) -> dict[str, object]:
    parts = (np.ones(rows, bool), np.zeros(rows, np.int32), np.arange(rows + 1, dtype=np.int32))
    return {"coef_": scipy.sparse.csr_matrix(parts, shape=(rows, 1))}


def _numbers() -> dict[str, object]:
    return {key: value for key, value in vars(MLPRegressor()).items() if isinstance(value, float)}


FILES: dict[str, Callable[[], bytes]] = {
    "sixty thousand networks of one state": _one_state(
        "sklearn.neural_network._multilayer_perceptron", "MLPRegressor", _numbers(), 60_000
    ),
    "twenty thousand neighbours of one table": _one_state(
        "sklearn.neighbors._classification", "KNeighborsClassifier", _neighbours(1_000_000), 20_000
    ),
    "five thousand owners of one sparse matrix": _one_state(
        "sklearn.linear_model._base", "LinearRegression", _sparse(1_000_000), 5_000
    ),
    "two thousand lists of one array": _one_state(
        "sklearn.linear_model._base", "LinearRegression",
        {"coef_": [np.zeros(100_000)] * 50, "n_features_in_": 3}, 2_000,
    ),
    "forty thousand networks of their own floats": lambda: _many_floats(40_000),
}  # fmt: skip


def _row(label: str, make: Callable[[], bytes]) -> Hostile:
    return raw(label, lambda _site: make(), kind=Kind.BOMB)


SHARED: tuple[Hostile, ...] = tuple(_row(label, make) for label, make in FILES.items())
