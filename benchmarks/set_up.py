"""Measures how long a fresh clone takes to set up, first without a package cache, then with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.machine import ROOT
from benchmarks.processes import finish, plain_environment
from benchmarks.report import Row, Target

TARGET = Target(300.0)
LIMIT_SECONDS = 1_500.0
_CACHES = ("UV_CACHE_DIR", "PIP_CACHE_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")


def run(folder: Path, _effort: Effort) -> Sequence[Row]:
    """Clone the last commit and set it up; HOME is empty, so every package is fetched."""
    clone, home = folder / "clone", folder / "home"
    home.mkdir()
    subprocess.run(
        ["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True
    )
    environment = _fresh(home)
    cold = _set_up(clone, environment, folder / "cold.log")
    fetched = _megabytes(home)
    # Otherwise the caches were somewhere else, and nobody knows how full they had been.
    require(fetched > 0, "package caches in the new HOME", "none")
    for made in (".venv", ".venv-serving"):
        shutil.rmtree(clone / made)
    warm = _set_up(clone, environment, folder / "warm.log")
    return [
        Row(
            f"`make setup`, empty HOME, cold package cache, {_source(environment)}",
            "s",
            (cold,),
            TARGET,
        ),
        Row("package caches after it, unpacked", "MB", (fetched,)),
        Row("`make setup` again without environments, warm package cache", "s", (warm,)),
    ]


def _fresh(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in plain_environment().items() if k not in _CACHES}
    # This process's Python may be the environment to be made; the clone finds its own.
    path = [p for p in kept["PATH"].split(os.pathsep) if Path(p).parent != ROOT / ".venv"]
    return kept | {"HOME": str(home), "PATH": os.pathsep.join(path)}


def _set_up(clone: Path, environment: Mapping[str, str], log: Path) -> float:
    done = finish(
        ["make", "setup"],
        folder=clone,
        environment=environment,
        log=log,
        limit_seconds=LIMIT_SECONDS,
    )
    require(done.code == 0, "make setup to succeed", f"{done.code}:\n{done.tail}")
    acgs = clone / ".venv" / "bin" / "acgs"
    subprocess.run([acgs, "--version"], check=True, capture_output=True, env=environment)
    return done.seconds


def _megabytes(home: Path) -> float:
    """Return the size of the files below; each counts once, however many links it has."""
    found = (path.lstat() for path in home.rglob("*") if path.is_file())
    return sum({status.st_ino: status.st_size for status in found}.values()) / 1e6


def _source(environment: Mapping[str, str]) -> str:
    """Describe where packages come from: the usual index, or a configured one."""
    told = [k for k in environment if k.startswith(("PIP_FIND", "PIP_INDEX", "PIP_EXTRA", "UV_"))]
    told += ["/etc/pip.conf"] if Path("/etc/pip.conf").exists() else []
    return f"packages as {', '.join(sorted(told))} say" if told else "packages from the usual index"


BENCHMARK = Benchmark("setup", "seconds of `make setup` in a fresh clone with an empty HOME", run)
