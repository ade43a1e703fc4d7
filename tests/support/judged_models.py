"""Judges a fitted model in each format, and compares what is written again with the original."""

from __future__ import annotations

import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import cloudpickle
import numpy as np
import skops.io

from registry.model_files.judge import judge
from registry.model_files.nodes import Instance
from registry.model_files.pickle_reader import Problems, read_pickle
from registry.model_files.skops_reader import read_skops
from registry.model_files.writer import write

Reader = Callable[[memoryview, Problems], object]
FORMATS: dict[str, tuple[Callable[[Any], bytes], Reader, Callable[[bytes], Any]]] = {
    "pickle": (pickle.dumps, read_pickle, pickle.loads),
    "protocol 2": (lambda model: pickle.dumps(model, 2), read_pickle, pickle.loads),
    "cloudpickle": (cloudpickle.dumps, read_pickle, pickle.loads),
    "skops": (
        skops.io.dumps,
        read_skops,
        lambda d: skops.io.loads(d, trusted=skops.io.get_untrusted_types(data=d)),
    ),
}


def answers(model: Any, features: Any) -> list[Any]:
    """Return what a model answers to each method that serving may ask."""
    found = []
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if hasattr(model, method):
            answer: Any = getattr(model, method)(features)
            for part in answer if isinstance(answer, list) else [answer]:
                dense = getattr(part, "toarray", None)
                found.append(np.asarray(part) if dense is None else dense())
    return found


def refusals(data: bytes, kept: str) -> tuple[Instance | None, tuple[str, ...]]:
    """Return the tree of a file in one format, and why it is refused."""
    problems = Problems()
    root = FORMATS[kept][1](memoryview(data), problems)
    if not problems:
        judge(root, problems)
    return root if isinstance(root, Instance) else None, problems.lines()


def assert_passes(model: Any, features: Any, kept: str) -> None:
    """Check that a model is let through, and that its copy answers bit for bit the same."""
    dumps, _read, loads = FORMATS[kept]
    data = dumps(model)
    root, problems = refusals(data, kept)
    assert problems == ()
    assert root is not None
    file = io.BytesIO()
    write(root, file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of classes that scikit-learn gives up
        expected = answers(loads(data), features)
    found = answers(pickle.loads(file.getvalue()), features)
    assert [(a.dtype, a.shape) for a in found] == [(a.dtype, a.shape) for a in expected]
    assert [_bits(a) for a in found] == [_bits(a) for a in expected]


def _bits(values: Any) -> object:
    return values.tobytes() if values.dtype.kind != "O" else repr(values.tolist())
