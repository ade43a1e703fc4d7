"""Reads a job's result file: how far the job came, and the model's answers."""

from __future__ import annotations

import json
import math
import signal
import tokenize
from io import BytesIO
from typing import Any

import numpy as np

from compliance.errors import SandboxError
from compliance.sandbox.warm import Ended
from infra.confinement.policy import ConfinementError

STEP_BYTES = 16
FIX = "run the model on the holdout's features yourself, correct it, and register a new version"

# One dimension of plain numbers: numpy itself writes 118 bytes.
_HEADER_BYTES = 256
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_UNREADABLE = (
    ValueError, TypeError, EOFError, RecursionError, MemoryError, OverflowError, SyntaxError,
    tokenize.TokenError,
)  # fmt: skip

Answers = np.ndarray[Any, np.dtype[Any]] | list[str]


def interpret(ended: Ended, data: bytes, deadline_seconds: float) -> tuple[dict[str, Any], bytes]:
    """Return a job's header and arrays.

    Raises:
        SandboxError: the job crashed, hung or failed; says at which step.
        ConfinementError: the job was not run, because a layer that worked before failed.
    """
    if ended.unconfined:
        raise ConfinementError(
            "expected to confine the model, found that a layer which held before could not be had",
            hint="acgs health names the layers that this machine offers",
        )
    step = data[:STEP_BYTES].decode(errors="replace").strip("\0 ") or "start"
    if ended.timed_out or ended.signal == signal.SIGXCPU:
        raise SandboxError(
            f"the model hung on {step}: expected an answer within {deadline_seconds:g} s",
            hint=FIX,
        )
    if ended.signal:
        name = _signal_name(ended.signal)
        raise SandboxError(f"the model crashed on {step} (signal {ended.signal}, {name})", hint=FIX)
    try:
        length = int.from_bytes(data[STEP_BYTES : STEP_BYTES + 8], "big")
        start = STEP_BYTES + 8
        header = json.loads(data[start : start + length])
        if not isinstance(header, dict) or ended.exit:  # ended on rows after those answered
            raise ValueError
    except (ValueError, RecursionError):
        raise SandboxError(
            f"the model ended without an answer on {step} (exit code {ended.exit})", hint=FIX
        ) from None
    if "error" in header:
        raise SandboxError(f"the model failed on {step}: {header['error']}", hint=FIX)
    return header, data[start + length :]


def decode(kind: str, blob: bytes, rows: int) -> Answers:
    """Read one array of answers, one per row.

    Raises:
        SandboxError: it cannot be read, has another length or holds what is not finite.
    """
    try:
        answers: Answers
        if kind == "json":
            found = json.loads(blob)
            if not isinstance(found, list):
                raise ValueError("expected a list")
            answers = [str(value) for value in found]
        else:
            answers = _array(blob)
    except _UNREADABLE as err:
        reason = str(err)[:200] or type(err).__name__
        raise SandboxError(f"the model's answer cannot be read: {reason}", hint=FIX) from err
    if len(answers) != rows:
        raise SandboxError(
            f"expected {rows} answers for {rows} rows, found {len(answers)}", hint=FIX
        )
    if isinstance(answers, np.ndarray):
        bad = int(np.sum(~np.isfinite(answers.astype(np.float64))))
        if bad:
            raise SandboxError(f"expected finite answers, found {bad} NaN or infinite", hint=FIX)
    return answers


def _array(blob: bytes) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the numbers of an .npy file; its header is text that the model may have written."""
    file = BytesIO(blob)
    read_header = _HEADERS.get(np.lib.format.read_magic(file))
    if read_header is None:
        raise ValueError("expected an array file of version 1 or 2")
    # Longer headers are not read, and nothing is allocated by a size that the file only claims.
    shape, _fortran, dtype = read_header(file, max_header_size=_HEADER_BYTES)
    data = memoryview(blob)[file.tell() :]
    if len(shape) != 1 or dtype.kind not in "biuf":
        raise SandboxError("expected one number or class per row", hint=FIX)
    if shape[0] * dtype.itemsize != len(data):
        raise ValueError("expected as many bytes as the shape says")
    return np.frombuffer(data, dtype)


def parts(
    header: dict[str, Any], blobs: bytes, frames: int
) -> tuple[list[tuple[str, bytes]], float, float]:
    """Return the kind and the bytes of each frame's answers, and the milliseconds taken.

    Raises:
        SandboxError: the header does not say that; whatever a model left there is looked at as
            text and numbers alone.
    """
    try:
        outputs = header["outputs"]
        if not isinstance(outputs, list) or len(outputs) != frames:
            raise ValueError
        found, at = [], 0
        for output in outputs:
            size = int(output["bytes"])
            if not 0 <= size <= len(blobs) - at:
                raise ValueError
            found.append((str(output["kind"]), blobs[at : at + size]))
            at += size
        load_ms, predict_ms = float(header["load_ms"]), float(header["predict_ms"])
        if not (0 <= load_ms < math.inf and 0 <= predict_ms < math.inf):
            raise ValueError
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise SandboxError("the model gave no answer that could be read", hint=FIX) from None
    return found, load_ms, predict_ms


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"SIG{number}"
