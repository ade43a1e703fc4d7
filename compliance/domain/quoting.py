"""Describes failures by type, step and place, never by a text that may hold data.

Libraries quote cells in their errors ("could not convert string to float: ..."), and a model can
put anything into its own. So a text is never cleaned: what is said is put together from known
parts, and everything else is left out.
"""

from __future__ import annotations

import builtins
import re
from types import TracebackType

from infra.errors import PlatformError

_STEP = "(?:start|confine|scan|load|predict|odd rows)"
_OWN_WORDS = tuple(
    re.compile(pattern)
    for pattern in (
        r"expected a folder with the model's files, found none",
        r"the model answered with more than [0-9]+ bytes",
        rf"the model hung on {_STEP}: expected an answer within [0-9.]+ s",
        rf"the model crashed on {_STEP} \(signal [0-9]+, SIG[A-Z0-9]+\)",
        rf"the model ended without an answer on {_STEP} \(exit code [0-9]+\)",
        r"the model gave no answer that could be read",
        r"expected one number or class per row",
        r"expected finite answers, found [0-9]+ NaN or infinite",
    )
)
"""Every message of the sandbox that holds no word of the model's."""
_FAILED = re.compile(rf"(the model failed on {_STEP}): (\w+)(: expected one answer per row)?")
_LENGTH = re.compile(r"expected ([0-9]+) answers for [0-9]+ rows, found ([0-9]+)")
_UNREADABLE = "the model's answer cannot be read"
_KNOWN_TYPES = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException)
) | {
    "_ArrayMemoryError",
    "ArrowInvalid",
    "ArrowTypeError",
    "AxisError",
    "InvalidIndexError",
    "InvalidParameterError",
    "JSONDecodeError",
    "LinAlgError",
    "MlflowException",
    "NotFittedError",
    "PicklingError",
    "UFuncTypeError",
    "UnpicklingError",
    "UntrustedTypesFoundException",
}


def of_model(message: str) -> str:
    """Return a sandbox error's text without any word that the model chose.

    The name of an exception's type counts only if it is a library's: a model can name its own.
    """
    if any(pattern.fullmatch(message) for pattern in _OWN_WORDS):
        return message
    if found := _FAILED.match(message):
        step, kind, shape = found.groups()
        if shape:
            return step + shape
        return f"{step}: {kind if kind in _KNOWN_TYPES else 'an error of its own type'}"
    if found := _LENGTH.fullmatch(message):
        rows, answers = int(found[1]), int(found[2])
        return f"expected {rows} answers for {rows} rows, found {_compared(answers, rows)}"
    return _UNREADABLE if message.startswith(_UNREADABLE) else "the model could not be asked"


def _compared(answers: int, rows: int) -> str:
    # How many there are is the model's choice, and a number can carry a value.
    return "fewer" if answers < rows else "more"


def cause(error: BaseException) -> str:
    """Return the type of a failure and where it was raised, without its text."""
    return f"{type(error).__name__} at {_place(error.__traceback__)}"


def _place(trace: TracebackType | None) -> str:
    """Return the innermost place in the platform's code, or else the innermost one."""
    found = "an unknown place"
    is_own = False
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "?"))
        own = module.split(".", 1)[0] in {"compliance", "registry", "infra"}
        if own or not is_own:
            found, is_own = f"{module}:{trace.tb_lineno}", own
        trace = trace.tb_next
    return found


def safe(error: BaseException) -> str:
    """Return what logs and the queue may say: the text of a platform error, else the cause."""
    return error.message if isinstance(error, PlatformError) else cause(error)
