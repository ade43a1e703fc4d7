"""Finds the model servers' own Python, in an environment apart from the platform's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra import origin
from infra.environments import Environment, tell
from infra.errors import UnavailableError
from infra.settings import Settings
from serving.settings import ServingSettings

ENVIRONMENT = ".venv-serving"


class ServingEnvironmentError(UnavailableError):
    """The interpreter of the model servers' environment is missing."""

    code = "serving.environment_missing"
    retriable = False


def serving_python(settings: Settings) -> Path:
    """Return the interpreter that runs `python -m serving.runtime`.

    Raises:
        ServingEnvironmentError: there is none where the settings say; nor, if they say nothing,
            beside the platform's, nor in the user's cache folder.
    """
    chosen = settings.of(ServingSettings).python
    if chosen is not None:
        candidates = [chosen]
    else:
        homes = dict.fromkeys((Path(sys.prefix).parent, runtime_root()))
        candidates = [home / ENVIRONMENT / "bin" / "python" for home in homes]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            # Not resolved: the link's location makes it this environment's interpreter.
            return candidate.absolute()
    if chosen is None:
        kept = _kept()
        if found := kept.python:
            return found
        candidates.append(kept.folder)
    raise ServingEnvironmentError(
        "expected the model servers' Python, found none at "
        + " or ".join(str(candidate) for candidate in candidates),
        hint="acgs setup (in a clone: make setup), or correct ACGS_SERVING_PYTHON",
    )


def provide(settings: Settings, say: Callable[[str], None] = tell) -> Path:
    """Return the interpreter; make its environment in the user's cache folder if there is none.

    Raises:
        ServingEnvironmentError: there is none where the settings say.
        EnvironmentNotMadeError: it cannot be installed.
    """
    try:
        return serving_python(settings)
    except ServingEnvironmentError:
        if settings.of(ServingSettings).python is not None:
            raise
    return _kept().make(say)


def _kept() -> Environment:
    return Environment("the model servers", origin.lock("serving.txt"))


def runtime_root() -> Path:
    """Return the folder that PYTHONPATH needs for `serving` to be importable there."""
    return Path(__file__).resolve().parents[3]
