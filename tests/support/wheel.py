"""The project's wheel, built from a copy of the clone, and an environment that has it alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import origin
from infra.environments import Environment

CLONE = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".acgs", ".cache", ".*_cache", "__pycache__", "build", "dist", "*.egg-info",
    "docs", "tests",
)  # fmt: skip
_GIT = ("git", "-c", "user.name=Wheel", "-c", "user.email=wheel@example.org")
_UV = (sys.executable, "-P", "-m", "uv", "--no-config", "--quiet")


@dataclass(frozen=True, slots=True)
class Built:
    """A wheel and what it was built from.

    Attributes:
        wheel: the file.
        source: the copy of the clone; a building leaves files in it.
        commit: what is checked out there.
    """

    wheel: Path
    source: Path
    commit: str


def build(folder: Path) -> Built:
    """Build the wheel as people do: by way of a source distribution, from a git checkout."""
    source, made = folder / "source", folder / "dist"
    shutil.copytree(CLONE, source, ignore=_LEFT_OUT)
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "All of it"]):
        run([*_GIT, *words], source)
    commit = run([*_GIT, "rev-parse", "HEAD"], source).strip()
    run(
        [*_UV, "build", "--offline", "--no-build-isolation", "--python", sys.executable,
         "--out-dir", str(made), str(source)],
        folder,
    )  # fmt: skip
    (wheel,) = made.glob("*.whl")
    return Built(wheel, source, commit)


def install(wheel: Path, folder: Path) -> Path:
    """Return the Python of a new environment that has the lock's packages and the wheel.

    The packages are links to those of an environment that is kept: installing and compiling them
    takes half a minute. What the wheel requires is what the lock installs, or this fails.
    """
    kept = Environment("the wheel's test", origin.lock("platform.txt")).make()
    shutil.copytree(kept.parents[1], folder, symlinks=True, copy_function=_linked)
    python = folder / "bin" / "python"
    run(
        [*_UV, "pip", "install", "--offline", "--no-deps", "--compile-bytecode",
         "--python", str(python), str(wheel)],
        folder,
    )  # fmt: skip
    run([*_UV, "pip", "check", "--python", str(python)], folder)
    return python


def run(words: Sequence[str], folder: Path) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
    return done.stdout


def _linked(source: str, target: str, *, follow_symlinks: bool = True) -> str:
    """Link a file, or copy it to another file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target
