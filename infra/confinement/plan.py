"""Describes what a confined process may see and use."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

SCRATCH = Path("/tmp")  # noqa: S108 (inside the confinement, a file system of its own)
MODEL = Path("/model")
"""Where a confined process finds the model's folder."""


class Means(StrEnum):
    """One layer of confinement; none relies on another."""

    USER_NAMESPACE = "user namespace"
    FILE_SYSTEM = "own file system"
    PROCESS_NAMESPACE = "process namespace"
    NETWORK_NAMESPACE = "network namespace"
    LANDLOCK = "Landlock"
    SECCOMP = "seccomp"
    LIMITS = "resource limits"


class Demand(StrEnum):
    """What the setting `ACGS_CONFINEMENT` asks for."""

    REQUIRED = "required"
    BEST_EFFORT = "best-effort"


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder that the process sees, read-only, at a path of its own."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may use, threads and children together.

    Attributes:
        memory_bytes: of address space.
        file_bytes: of one file.
        scratch_bytes: of the scratch folder as a whole.
        open_files: at a time.
        threads: of the user within its namespace, where there is one; root is not counted.
        cpu_seconds: of processor time; None for a server.
    """

    memory_bytes: int
    file_bytes: int
    scratch_bytes: int = 256_000_000
    open_files: int = 64
    threads: int = 512
    cpu_seconds: int | None = None

    def apply(self, *, counts_threads: bool) -> None:
        """Set the limits on this process; they cannot be raised again.

        Args:
            counts_threads: only then are the user's processes those of the namespace alone.
        """
        wanted = {
            resource.RLIMIT_AS: self.memory_bytes,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }
        if counts_threads:
            wanted[resource.RLIMIT_NPROC] = self.threads
        if self.cpu_seconds is not None:
            wanted[resource.RLIMIT_CPU] = self.cpu_seconds
        for kind, limit in wanted.items():
            _soft, hard = resource.getrlimit(kind)
            if hard != resource.RLIM_INFINITY:
                limit = min(limit, hard)
            resource.setrlimit(kind, (limit, limit))


@dataclass(frozen=True, slots=True)
class Plan:
    """How one process is confined.

    Attributes:
        means: the layers; each one that is named must hold, or the process does not start.
        mounts: all that the process can read.
        scratch: a folder of the machine that the process may write to, where it has no file
            system of its own; else it gets an empty one in memory at `/tmp`.
        limits: what it may use.
        may_run_programs: allow `execve`.
    """

    means: frozenset[Means]
    mounts: tuple[Mount, ...]
    scratch: Path
    limits: Limits
    may_run_programs: bool = False

    def inside(self, source: Path) -> Path:
        """Return where the process finds a path of the machine that is one of the mounts."""
        if Means.FILE_SYSTEM in self.means:
            for mount in self.mounts:
                if mount.source == source:
                    return mount.target
        return source

    @property
    def scratch_inside(self) -> Path:
        """Return where the process finds its scratch folder."""
        return SCRATCH if Means.FILE_SYSTEM in self.means else self.scratch

    def to_json(self) -> str:
        """Write the plan as text, for another process."""
        document = asdict(self)
        document["means"] = sorted(self.means)
        return json.dumps(document, default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        document = json.loads(text)
        return cls(
            means=frozenset(Means(name) for name in document["means"]),
            mounts=tuple(Mount(Path(m["source"]), Path(m["target"])) for m in document["mounts"]),
            scratch=Path(document["scratch"]),
            limits=Limits(**document["limits"]),
            may_run_programs=bool(document["may_run_programs"]),
        )


def python_mounts(interpreter: Path, code: Iterable[Path]) -> tuple[Mount, ...]:
    """Return what a Python needs to run: itself, its packages, the system's libraries.

    Args:
        interpreter: `bin/python` of an environment; its links are not resolved.
        code: folders that hold the platform's packages.
    """
    real = interpreter.resolve()
    folders = [
        *_SYSTEM,
        # Not the folder around them: a Python in somebody's home would show the home.
        *(
            home / name
            for home in (real.parents[1], interpreter.absolute().parents[1])
            for name in ("bin", "lib", "lib64", "pyvenv.cfg")
        ),
        *(path.absolute() for path in code),
    ]
    shown: list[Path] = []
    for folder in dict.fromkeys(folders):
        covered = any(folder.is_relative_to(other) for other in shown)
        if not covered and folder.exists() and folder != Path("/"):
            shown.append(folder)
    return tuple(Mount(path, path) for path in shown)


_SYSTEM = tuple(
    Path(text)
    for text in (
        "/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/ld.so.conf",
        "/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/null", "/dev/zero", "/dev/full",
        "/dev/random", "/dev/urandom",
    )
)  # fmt: skip
