"""Limits of one scoring job."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.confinement.plan import MODEL, Limits, Means, Mount, Plan, python_mounts

FILE_BYTES = 1_000_000_000
"""Most bytes of one file that a job writes: its answer, or a rebuilt model."""
SCRATCH_BYTES = 64_000_000
OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits of one job.

    Attributes:
        deadline_seconds: wall clock; the job is killed after it.
        memory_bytes: of address space, the warm libraries (about 1.5 GB) included.
    """

    deadline_seconds: float = 20.0
    memory_bytes: int = 6_000_000_000


def job_plan(means: frozenset[Means], limits: JobLimits, folder: Path, scratch: Path) -> Plan:
    """Return the confinement plan of a job that reads one model's folder.

    None of the platform's code is mounted: the warm process has imported what a job needs.
    """
    return Plan(
        means=means,
        mounts=(*python_mounts(Path(sys.executable), ()), Mount(folder, MODEL)),
        scratch=scratch,
        limits=Limits(
            memory_bytes=limits.memory_bytes,
            file_bytes=FILE_BYTES,
            # Room for the rebuilt copy of the model.
            scratch_bytes=SCRATCH_BYTES + 2 * _size_bytes(folder),
            open_files=OPEN_FILES,
            cpu_seconds=int(limits.deadline_seconds) * 2 + 2,
        ),
    )


def _size_bytes(folder: Path) -> int:
    total = 0
    for parent, _folders, files in os.walk(folder):
        for name in files:
            total += os.lstat(os.path.join(parent, name)).st_size
    return total
