"""Malicious pickles, each built here; each would leave a file behind if anything ran it."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from registry.model_files import known
from registry.model_files.judge import judge
from registry.model_files.pickle_reader import Problems, read_pickle


def refusals(data: bytes) -> tuple[str, ...]:
    problems = Problems()
    root = read_pickle(memoryview(data), problems)
    if not problems:
        judge(root, problems)
    return problems.lines()


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A file that no test may find afterwards."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists(), "the scanner ran the pickle"


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


def stream(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    data = value.encode()
    return b"\x8c" + bytes([len(data)]) + data


def named(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


ATTACKS: dict[str, Callable[[str], bytes]] = {
    "os.system": lambda c: pickle.dumps(Calls(os.system, c)),
    "protocol 0": lambda c: pickle.dumps(Calls(os.system, c), protocol=0),
    "eval": lambda c: pickle.dumps(Calls(eval, f"__import__('os').system({c!r})")),
    "partial": lambda c: pickle.dumps(Calls(partial(os.system, c))),
    "nested in a list": lambda c: pickle.dumps([1, {"a": Calls(os.system, c)}]),
    "hidden in an allowed class's state": lambda c: pickle.dumps(
        make_pipeline(StandardScaler()).set_params(steps=[("a", Calls(os.system, c))])
    ),
    "dotted name through sklearn": lambda c: stream(
        named("sklearn.utils._testing", "os.system"), text(c), b"\x85R"
    ),
    "dotted name of an allowed module": lambda c: stream(
        named("sklearn.pipeline", "np.f2py.os.system"), text(c), b"\x85R"
    ),
    "an imported name of an allowed module": lambda c: stream(
        named("sklearn.base", "pickle"), text(c), b"\x85R"
    ),
    "numpy runstring": lambda c: stream(
        named("numpy.testing._private.utils", "runstring"), text(c), b"}\x86R"
    ),
    "pkgutil.resolve_name": lambda c: stream(
        named("pkgutil", "resolve_name"), text("os:system"), b"\x85R", text(c), b"\x85R"
    ),
    "a computed global": lambda c: stream(
        named("builtins", "str"), text("os"), b"\x85R", text("system"), b"\x93", text(c), b"\x85R"
    ),
    "INST": lambda c: b"(V" + c.encode() + b"\nios\nsystem\n.",
    "OBJ": lambda c: b"(cos\nsystem\nV" + c.encode() + b"\no.",
    "NEWOBJ": lambda c: stream(named("os", "system"), text(c), b"\x85\x81"),
    "an old module name": lambda c: b"\x80\x02c__builtin__\neval\nX"
    + struct.pack("<I", len(c)) + c.encode() + b"\x85R.",
    "an extension code": lambda c: stream(b"\x82\x01"),
    "a persistent id": lambda c: stream(text(c), b"Q"),
    "truncated after the call": lambda c: pickle.dumps(Calls(os.system, c))[:-1],
    "a second pickle behind the first": lambda c: pickle.dumps(1) + pickle.dumps(
        Calls(os.system, c)
    ),
    "cloudpickled function": lambda c: cloudpickle.dumps(lambda: os.system(c)),
    "a nested unpickling": lambda c: pickle.dumps(
        Calls(pickle.loads, pickle.dumps(Calls(os.system, c)))
    ),
    "joblib.load": lambda c: pickle.dumps(Calls(joblib.load, c)),
    "object array": lambda c: pickle.dumps(np.array([Calls(os.system, c)], dtype=object)),
    "state set on a class": lambda c: stream(
        named("sklearn.linear_model._logistic", "LogisticRegression"), b"}", text("x"), text(c),
        b"sb",
    ),
    "a bytearray that lies about its size": lambda c: stream(b"\x96" + struct.pack("<Q", 2**62)),
    "not a pickle": lambda c: c.encode(),
    "nothing": lambda c: b"",
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_malicious_pickle_is_a_violation_and_is_not_run(attack: str, mark: Path) -> None:
    assert refusals(ATTACKS[attack](f"touch {mark}"))


def test_these_attacks_are_real(tmp_path: Path) -> None:
    done = tmp_path / "ran"
    pickle.loads(ATTACKS["partial"](f"touch {done}"))
    assert done.exists()


def test_named_classes_are_sklearns_own() -> None:
    assert known.find_class("sklearn.linear_model._logistic", "LogisticRegression")
    assert not known.find_class("sklearn.linear_model", "LogisticRegression")
    assert not known.find_class("sklearn.utils._testing", "TempMemmap")
    assert not known.find_class("sklearn.datasets", "fetch_openml")
    assert not known.find_class("sklearn_evil", "LogisticRegression")
    assert not known.find_class("sklearn.no_such_module", "X")
