"""Reads what a job left behind: how far it came, and the model's answers."""

from __future__ import annotations

import json
import signal
from io import BytesIO
from typing import Any

import numpy as np

from compliance.errors import SandboxError
from compliance.sandbox.warm import Ended
from infra.confinement.policy import ConfinementError

STEP_BYTES = 16
FIX = "run the model on the holdout's features yourself, correct it, and register a new version"

Answers = np.ndarray[Any, np.dtype[Any]] | list[str]


def interpret(ended: Ended, data: bytes, deadline_seconds: float) -> tuple[dict[str, Any], bytes]:
    """Return a job's header and arrays.

    Raises:
        SandboxError: the job crashed, hung or failed; says at which step.
        ConfinementError: it was not run, because a layer that worked before could not be had.
    """
    step = data[:STEP_BYTES].decode(errors="replace").strip("\0 ") or "start"
    if ended.timed_out or ended.signal == signal.SIGXCPU:
        raise SandboxError(
            f"the model hung on {step}: expected an answer within {deadline_seconds:g} s",
            hint=FIX,
        )
    if ended.signal:
        name = signal.Signals(ended.signal).name
        raise SandboxError(f"the model crashed on {step} (signal {ended.signal}, {name})", hint=FIX)
    try:
        length = int.from_bytes(data[STEP_BYTES : STEP_BYTES + 8], "big")
        start = STEP_BYTES + 8
        header: dict[str, Any] = json.loads(data[start : start + length])
    except ValueError:
        raise SandboxError(
            f"the model ended without an answer on {step} (exit code {ended.exit})", hint=FIX
        ) from None
    if "unconfined" in header and step == "start":
        raise ConfinementError(
            f"expected to confine the model, found: {header['unconfined']}",
            hint="acgs health names the layers that this machine offers",
        )
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
            answers = [str(value) for value in json.loads(blob)]
        else:
            answers = np.load(BytesIO(blob), allow_pickle=False)
    except (ValueError, TypeError) as err:
        raise SandboxError(f"the model's answer cannot be read: {err}", hint=FIX) from err
    if len(answers) != rows:
        raise SandboxError(
            f"expected {rows} answers for {rows} rows, found {len(answers)}", hint=FIX
        )
    if isinstance(answers, np.ndarray):
        if answers.ndim != 1 or answers.dtype.kind not in "biuf":
            raise SandboxError("expected one number or class per row", hint=FIX)
        bad = int(np.sum(~np.isfinite(answers.astype(np.float64))))
        if bad:
            raise SandboxError(f"expected finite answers, found {bad} NaN or infinite", hint=FIX)
    return answers
