"""Loads the one model that this process serves, and calls it in worker threads."""

from __future__ import annotations

import inspect
import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.utils import data_validation

from serving.runtime.estimators import silence_name_warnings, takes_arrays
from serving.runtime.inputs import assemble
from serving.runtime.mlflow_signature import read_signature
from serving.runtime.payload import Payload
from serving.runtime.problem import ProblemError, bad_request, model_failed
from serving.runtime.rewriting import rewritten
from serving.runtime.signature import Column, ColumnType, Signature, Tensor

logger = logging.getLogger(__name__)

_MESSAGE_CHARACTERS = 300
"""Most characters of another library's message in an answer."""


class LoadError(Exception):
    """The model folder cannot be turned into a model in this environment."""


class ServedModel:
    """A loaded model with its signature.

    `predict` calls the implementation behind MLflow's schema enforcement, because `assemble`
    has enforced the same schema and separated the client's mistakes from the model's.
    """

    def __init__(self, pyfunc: Any) -> None:
        self._pyfunc = pyfunc
        self.signature = read_signature(pyfunc)
        self._call = _implementation(pyfunc)
        self._params_schema = pyfunc.metadata.get_params_schema()
        self._defaults = _defaults(self._params_schema)
        self._bare = takes_arrays(pyfunc, [column.label for column in self.signature.columns])
        if self._bare:
            silence_name_warnings()
        self._example = _format_example(pyfunc)
        self._running: dict[int, float] = {}
        self._seen: set[type] = set()

    def predict(self, payload: Payload, params: Mapping[str, object] | None = None) -> object:
        """Answer one request.

        Args:
            payload: what the client sent.
            params: parameters of the call, for a model whose signature declares some.

        Raises:
            ProblemError: 400 when the input does not fit the signature, 500 when the model
                raises.
        """
        data = self._read(payload)
        checked = self._checked(params)
        token = id(data)
        self._running[token] = time.monotonic()
        try:
            return self._call(data, checked)
        except BaseException as err:
            # In a worker thread there is no Ctrl-C: whatever is raised is the model's own.
            if self.signature.hinted and _raised_by_the_hints_check(err):
                raise bad_request(_shortened(err)) from None
            self._log_once(err)
            raise model_failed(f"the model raised {type(err).__name__}: {err}") from err
        finally:
            del self._running[token]

    def _read(self, payload: Payload) -> object:
        """Build the model's input. What fails here was caused by the request alone."""
        try:
            data = assemble(self.signature, payload, bare=self._bare)
            return data if self._example is None else _like_example(data, self._example)
        except ProblemError:
            raise
        except Exception as err:
            self._log_once(err)
            raise bad_request(
                f"the values cannot be read as the model's input: {_shortened(err)}; "
                f"{self.signature.describe()}"
            ) from err

    def _checked(self, params: Mapping[str, object] | None) -> dict[str, object] | None:
        """Check parameters as MLflow does, which passes over those that no schema declares."""
        if not params or self._params_schema is None:
            return self._defaults
        from mlflow.models.utils import _enforce_params_schema

        try:
            found: dict[str, object] = _enforce_params_schema(dict(params), self._params_schema)
        except Exception as err:  # it reads nothing but the client's parameters
            raise bad_request(f"parameters: {_shortened(err)}") from None
        return found

    def running_seconds(self) -> float:
        """Return the age of the oldest running prediction; 0 when idle."""
        started = list(self._running.values())
        return time.monotonic() - min(started) if started else 0.0

    def warm_up(self) -> None:
        """Predict once, so that the first client does not pay for lazy imports.

        If the model fails on the example, that is logged; live traffic judges it.
        """
        try:
            example = self._pyfunc.input_example
            if isinstance(example, pd.DataFrame | np.ndarray) and len(example):
                self._call(example[:1], self._defaults)
            else:
                self._call(_blank(self.signature), self._defaults)
        except KeyboardInterrupt:
            raise
        except BaseException as err:
            logger.warning("warm-up prediction failed: %s: %s", type(err).__name__, err)

    def _log_once(self, err: BaseException) -> None:
        # A bad canary may fail thousands of times; one traceback for each kind is enough.
        if type(err) not in self._seen:
            self._seen.add(type(err))
            logger.error("a prediction raised\n%s", "".join(traceback.format_exception(err)))


def load(path: Path) -> ServedModel:
    """Load the MLflow model in `path`, if possible from a rewritten copy of its file.

    Any other model's own code runs. Nothing is installed.

    Raises:
        LoadError: anything the load raised, with the first line of why.
    """
    try:
        with rewritten(path.resolve()) as folder:
            return ServedModel(mlflow.pyfunc.load_model(str(folder)))
    except (Exception, SystemExit) as err:
        traceback.print_exc(file=sys.stderr)
        raise LoadError(f"cannot load the model in {path}: {type(err).__name__}: {err}") from err


def _shortened(err: BaseException) -> str:
    """Return another library's message without a table that it may contain."""
    text = f"{err}"
    return text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]}..."


def _format_example(pyfunc: Any) -> object:
    """Return the example whose format MLflow gives every input, if the model asks for that."""
    by_example = bool(pyfunc.metadata._is_type_hint_from_example())
    return pyfunc.input_example if by_example else None


def _like_example(data: object, example: object) -> object:
    from mlflow.types.type_hints import _convert_dataframe_to_example_format

    found: object = _convert_dataframe_to_example_format(data, example)
    return found


def _raised_by_the_hints_check(err: BaseException) -> bool:
    """Whether MLflow raised this on checking a hinted model's input, before its own code ran.

    The check is part of the call. What the model raises may be an MlflowException as well.
    """
    if not isinstance(err, MlflowException):
        return False
    frames = [frame.f_code for frame, _ in traceback.walk_tb(err.__traceback__)]
    for at, code in enumerate(frames):
        if (code.co_filename, code.co_name) == (data_validation.__file__, "wrapper"):
            below = frames[at + 1 :]
            return not below or below[0].co_filename == data_validation.__file__
    return False


def _defaults(schema: Any) -> dict[str, object] | None:
    return {param.name: param.default for param in schema} if schema else None


def _implementation(pyfunc: Any) -> Callable[[object, dict[str, object] | None], object]:
    predict: Callable[..., object] = pyfunc._predict_fn
    parameter = inspect.signature(predict).parameters.get("params")
    if parameter is None or parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return lambda data, _: predict(data)
    return lambda data, params: predict(data, params=params)


def _blank(signature: Signature) -> object:
    if signature.tensors:
        arrays = {tensor.name: _zeros(tensor) for tensor in signature.tensors}
        return arrays if signature.tensors[0].name else arrays[""]
    if not signature.columns:
        raise ProblemError(0, "", "no signature and no input example")
    return pd.DataFrame({column.label: [_zero(column)] for column in signature.columns})


def _zeros(tensor: Tensor) -> object:
    return np.zeros([1 if length < 0 else length for length in tensor.shape], tensor.numpy_name)


def _zero(column: Column) -> object:
    if column.type.numpy_name is not None:
        return np.dtype(column.type.numpy_name).type(0)
    return b"" if column.type is ColumnType.BINARY else ""
