"""Measures how long the demo takes, once set up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.machine import ROOT
from benchmarks.processes import finish, plain_environment
from benchmarks.report import Row, Target
from tests.support.platform import environment

TARGET = Target(120.0)
LIMIT_SECONDS = 900.0


def run(folder: Path, _effort: Effort) -> Sequence[Row]:
    """Play the whole story once; a wrong outcome makes the time worthless."""
    done = finish(
        [Path(sys.executable).with_name("acgs"), "demo", "--exit"],
        folder=ROOT,
        environment=plain_environment() | _own(folder / "root"),
        log=folder / "log",
        limit_seconds=LIMIT_SECONDS,
    )
    require(done.code == 0, "every outcome right (exit code 0)", f"{done.code}:\n{done.tail}")
    return [Row("`acgs demo --exit`, set up before", "s", (done.seconds,), TARGET)]


def _own(root: Path) -> dict[str, str]:
    ours = ("ACGS_", "MLOPS_")
    return {k: v for k, v in environment(root).items() if k.startswith(ours)}


BENCHMARK = Benchmark("story", "seconds of `acgs demo --exit` once set up", run)
