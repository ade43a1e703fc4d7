"""The jobs that run inside the confinement."""

from __future__ import annotations

import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

STEP_BYTES = 16
MOST_SINGLE_ROWS = 32
"""Odd rows that are asked one by one, so that a refused row takes no second."""


class Result:
    """A job's result file: step (16 bytes), header length (8), header, arrays."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def step(self, name: str) -> None:
        """Record which step begins, so that a crash can be located."""
        os.pwrite(self._fd, name.encode().ljust(STEP_BYTES), 0)

    def finish(self, header: Mapping[str, object], blobs: list[bytes]) -> None:
        """Write the answer."""
        text = json.dumps(header).encode()
        data = len(text).to_bytes(8, "big") + text + b"".join(blobs)
        sent = 0
        while sent < len(data):
            sent += os.pwrite(self._fd, data[sent:], STEP_BYTES + sent)


def _scan(folder: Path, _request: bytes, result: Result) -> None:
    from compliance.scan.artifact_scan import scan_folder

    result.step("scan")
    result.finish({"scan": asdict(scan_folder(folder))}, [])


def _predict(folder: Path, request: bytes, result: Result) -> None:
    """Load the rewritten copy of the author's files, never the files, and predict."""
    from registry.model_files.rebuilding import rebuild

    result.step("load")
    rebuilt = rebuild(folder, Path(tempfile.gettempdir()) / "rebuilt")
    _predict_as_is(rebuilt.folder, request, result)


def _predict_as_is(folder: Path, request: bytes, result: Result) -> None:
    import mlflow.pyfunc

    frames, odd = pickle.loads(request)  # noqa: S301 (written by the parent process)
    result.step("load")
    started = time.perf_counter()
    model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    loaded = time.perf_counter()
    result.step("predict")
    parts = [_encode(model.predict(frame)) for frame in frames]
    header = {
        "outputs": [{"kind": kind, "bytes": len(blob)} for kind, blob in parts],
        "load_ms": (loaded - started) * 1000,
        "predict_ms": (time.perf_counter() - loaded) * 1000,
    }
    result.finish(header, [blob for _kind, blob in parts])
    result.step("odd rows")
    for frame in odd:
        _survive(model.predict, frame)


def _survive(predict: Callable[[Any], Any], frame: Any) -> None:
    """Ask about rows whose answers do not matter: at once, and one by one where that fails.

    An error about one row would hide what the next one does.
    """
    if _is_answered(predict, frame) or len(frame) == 1:
        return
    # The last one holds all changes at once.
    for row in (*range(min(len(frame) - 1, MOST_SINGLE_ROWS)), len(frame) - 1):
        _is_answered(predict, frame.iloc[[row]])


def _is_answered(predict: Callable[[Any], Any], frame: Any) -> bool:
    try:
        predict(frame)
    except Exception:  # whatever it is, it is an answer
        return False
    return True


def _encode(answer: Any) -> tuple[str, bytes]:
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"expected one answer per row, found the shape {values.shape}")
    if values.dtype.kind in "biuf":
        buffer = BytesIO()
        np.save(buffer, values, allow_pickle=False)
        return "npy", buffer.getvalue()
    return "json", json.dumps(
        [v if isinstance(v, str) else repr(v) for v in values.tolist()]
    ).encode()


JOBS: dict[str, Callable[[Path, bytes, Result], None]] = {
    "scan": _scan,
    "predict": _predict,
    "predict as is": _predict_as_is,
}


def warm_up() -> None:
    """Import what models need and load a tiny one; nothing is fitted, so nothing runs OpenMP."""
    import warnings

    import mlflow.pyfunc
    import mlflow.sklearn
    import pandas as pd
    import picklescan.scanner  # noqa: F401
    import sklearn.compose
    import sklearn.ensemble
    import sklearn.impute
    import sklearn.pipeline
    import skops.io  # noqa: F401
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from compliance.scan.artifact_scan import scan_folder
    from registry.model_files.rebuilding import rebuild

    warnings.simplefilter("ignore")
    scaler = StandardScaler(with_mean=False, with_std=False)
    scaler.n_samples_seen_, scaler.n_features_in_, scaler.scale_ = 1, 1, None
    tiny = LogisticRegression()
    tiny.classes_, tiny.coef_ = np.array([0, 1]), np.array([[1.0]])
    tiny.intercept_, tiny.n_features_in_ = np.array([0.0]), 1
    frame = pd.DataFrame({"x": [0.5, -0.5]})
    model = sklearn.pipeline.Pipeline([("scale", scaler), ("model", tiny)])
    for serialization in ("skops", "cloudpickle"):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "model"
            mlflow.sklearn.save_model(
                model,
                str(folder),
                serialization_format=serialization,
                signature=infer_signature(frame, np.array([1, 0])),
                pip_requirements=["scikit-learn"],
            )
            scan_folder(folder)
            rebuilt = rebuild(folder, Path(parent) / "rebuilt").folder
            mlflow.pyfunc.load_model(str(rebuilt), suppress_warnings=True).predict(frame)
