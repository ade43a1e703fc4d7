"""Environments of older MLflow clients, made once from their locks and kept outside every clone."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path

import pytest

from infra.servers import cache, commands
from infra.servers.errors import ServerMissingError
from tests.support.runtime import serving_interpreter

LOCKS = Path(__file__).parents[2] / "requirements"
_MADE = "made"
"""File that says that an environment is whole."""


class Client(StrEnum):
    """A release of MLflow whose client is tried."""

    MLFLOW_2_22 = "2.22"
    MLFLOW_3_1 = "3.1"
    MLFLOW_3_17 = "3.17"


def interpreter(client: Client) -> Path:
    """Return the Python of an environment that has a client and nothing of the platform.

    What cannot be installed fails the test in CI and skips it elsewhere.
    """
    if client is Client.MLFLOW_3_17:
        return serving_interpreter()
    try:
        return _installed(LOCKS / f"client-{client}.txt")
    except ServerMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(str(err))
        pytest.skip(str(err))


def _installed(lock: Path) -> Path:
    made_of = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache.cache_folder() / "clients" / f"{lock.stem}-{made_of}"
    python = folder / "bin" / "python"
    with cache.locked("clients"):
        if not (folder / _MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, python, lock)
            (folder / _MADE).touch()
    return python


def _install(folder: Path, python: Path, lock: Path) -> None:
    home = os.path.expanduser("~")
    # uv's cache makes it a matter of a second, and needs a home to write to.
    cached = [] if os.access(home, os.W_OK) else ["--no-cache"]
    uv = [sys.executable, "-m", "uv", "--no-config", "--quiet", *cached]
    for command in (
        [*uv, "venv", "--python", sys.executable, str(folder)],
        [
            *uv,
            "pip",
            "sync",
            "--compile-bytecode",
            "--python",
            str(python),
            "--require-hashes",
            str(lock),
        ],
    ):
        failed = commands.run(command)
        if failed:
            raise ServerMissingError(f"cannot install {lock.name}: {failed}")
