"""Python environments apart from the platform's own, made once from a lock."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.errors import UnavailableError
from infra.servers import cache, commands

NOTICE = "setup: "
"""Begins the lines on stderr that a person is to see even if all goes well."""
_MADE = "made"
"""File that says that an environment is whole."""


class EnvironmentNotMadeError(UnavailableError):
    """A Python environment cannot be made from its lock."""

    code = "infra.environment_not_made"


def tell(line: str) -> None:
    """Write a line to stderr that `acgs up` passes on."""
    print(NOTICE + line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment in the user's cache folder; another lock or Python, another environment.

    Attributes:
        purpose: what it is for, in words that follow "the environment of".
        lock: requirements with hashes of everything in it.
    """

    purpose: str
    lock: Path

    @property
    def folder(self) -> Path:
        """Where it is, or will be."""
        made_of = self.lock.read_bytes() + sys.version.encode()
        made_of += os.path.realpath(sys.executable).encode()
        name = f"{self.lock.stem}-{hashlib.sha256(made_of).hexdigest()[:16]}"
        return cache.cache_folder() / "environments" / name

    @property
    def python(self) -> Path | None:
        """Its interpreter; None if the environment is not there, or not whole."""
        folder = self.folder
        python = folder / "bin" / "python"
        return python if (folder / _MADE).exists() and os.access(python, os.X_OK) else None

    def make(self, say: Callable[[str], None] = tell) -> Path:
        """Return its interpreter, of an environment that is made if there is none.

        Raises:
            EnvironmentNotMadeError: a package cannot be had, or the disk is full.
        """
        with cache.locked("environments"):
            if found := self.python:
                return found
            folder = self.folder
            say(
                f"making the environment of {self.purpose} in {folder}, once; "
                "this may fetch some hundred MB"
            )
            shutil.rmtree(folder, ignore_errors=True)
            python = folder / "bin" / "python"
            self._install(folder, python)
            (folder / _MADE).touch()
            say(f"made the environment of {self.purpose}")
            return python

    def _install(self, folder: Path, python: Path) -> None:
        # The cache of uv makes it a matter of a second, and needs a home to write to.
        kept = [] if os.access(os.path.expanduser("~"), os.W_OK) else ["--no-cache"]
        uv = [sys.executable, "-P", "-m", "uv", "--no-config", "--no-python-downloads", "--quiet"]
        uv += kept
        for command in (
            [*uv, "venv", "--python", sys.executable, str(folder)],
            # Compiled here, once: a confined process cannot keep what it compiles. `sync` asks
            # nobody's metadata: a lock may override a pin.
            [*uv, "pip", "sync", "--compile-bytecode", "--python", str(python),
             "--require-hashes", str(self.lock)],
        ):  # fmt: skip
            if failed := commands.run(command):
                shutil.rmtree(folder, ignore_errors=True)
                raise EnvironmentNotMadeError(
                    f"expected to install {self.lock.name} for {self.purpose}, found: "
                    + " ".join(failed.removeprefix("error: ").split()),
                    hint="let this machine reach a package index, or name one that it reaches in "
                    "UV_DEFAULT_INDEX",
                )
