"""MinIO's program: on PATH, else in the cache, else built from its sources into the cache.

Its binaries are no longer published, its sources are, as a Go module.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.servers.cache import cache_folder, locked
from infra.servers.errors import ServerMissingError

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of its repository, of 2026-02-12."""
BUILD_LIMIT_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Program:
    """Where the program is and what it is."""

    path: Path
    version: str

    def __str__(self) -> str:
        return f"MinIO {self.version} ({self.path})"


def find() -> Program | None:
    """Return what this machine or the cache has, without building anything."""
    on_path = shutil.which("minio")
    if on_path:
        return Program(Path(on_path), _version(Path(on_path)))
    cached = _cached()
    return Program(cached, VERSION) if os.access(cached, os.X_OK) else None


def obtain() -> Program:
    """Return the program, built first where Go is (some three minutes, once per machine).

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
    go = shutil.which("go")
    if go is None:
        raise ServerMissingError(
            f"no S3 server: expected minio on PATH, {_cached()}, or Go to build it; found none",
            hint="install Go 1.24 or newer, or put a minio binary on PATH",
        )
    with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
        try:
            done = subprocess.run(
                [go, "install", "-trimpath", "-ldflags=-s -w", f"{MODULE}@{VERSION}"],
                env={**os.environ, "GOBIN": folder},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=BUILD_LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as err:
            raise ServerMissingError(
                f"MinIO was not built in {BUILD_LIMIT_SECONDS} s", hint="try again, or install it"
            ) from err
        if done.returncode:
            raise ServerMissingError(
                f"MinIO could not be built: {done.stderr.strip()[-800:]}",
                hint="check that Go's module proxy can be reached, or put minio on PATH",
            )
        (Path(folder) / "minio").replace(_cached())


def _cached() -> Path:
    return cache_folder() / f"minio-{VERSION}"


def _version(path: Path) -> str:
    text = subprocess.run(
        [str(path), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return text.split()[2] if len(text.split()) > 2 else text.strip()
