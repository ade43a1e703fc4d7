"""Describes the machine that is measured on, and how busy it is."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUSY_PER_CORE = 0.25
"""One-minute load per core from which on a start is called busy."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How busy the machine is.

    Attributes:
        cores: that this process may use.
        load_1m, load_5m: mean number of processes that ran or wanted to, over 1 and 5 minutes.
    """

    cores: int
    load_1m: float
    load_5m: float

    @property
    def busy(self) -> bool:
        return self.load_1m > BUSY_PER_CORE * self.cores

    def __str__(self) -> str:
        return f"load average {self.load_1m:.2f} (1 min), {self.load_5m:.2f} (5 min)"

    def document(self) -> dict[str, float]:
        return asdict(self)


def read() -> Reading:
    one, five, _ = os.getloadavg()
    return Reading(len(os.sched_getaffinity(0)), round(one, 2), round(five, 2))


def facts() -> dict[str, str]:
    """Return what a reader needs to compare two runs."""
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
    }


def commit() -> str:
    """Return the commit of the clone, with a mark when files differ from it."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
