"""Finds the model servers' own Python, in an environment apart from the platform's."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.errors import UnavailableError
from infra.settings import Settings

ENVIRONMENT = ".venv-serving"


class ServingEnvironmentError(UnavailableError):
    """The interpreter of the model servers' environment is missing."""

    code = "serving.environment_missing"
    retriable = False


def serving_python(settings: Settings) -> Path:
    """Return the interpreter that runs `python -m serving.runtime`.

    Raises:
        ServingEnvironmentError: there is none where the settings say, nor beside the platform's.
    """
    if settings.serving_python is not None:
        candidates = [settings.serving_python]
    else:
        homes = dict.fromkeys((Path(sys.prefix).parent, runtime_root()))
        candidates = [home / ENVIRONMENT / "bin" / "python" for home in homes]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            # Not resolved: the link's location makes it this environment's interpreter.
            return candidate.absolute()
    raise ServingEnvironmentError(
        "expected the model servers' Python, found none at "
        + " or ".join(str(candidate) for candidate in candidates),
        hint="make setup (it builds .venv-serving), or set ACGS_SERVING_PYTHON",
    )


def runtime_root() -> Path:
    """Return the folder that PYTHONPATH needs for `serving` to be importable there."""
    return Path(__file__).resolve().parents[3]
