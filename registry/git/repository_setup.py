"""Makes a repository for the tags, and writes its path to the settings file."""

from __future__ import annotations

import re
from pathlib import Path

from infra.configuration import SETTINGS_FILE
from infra.errors import UnavailableError, UsageError, storage_error
from registry.git.adapters.repository import Repository
from registry.git.errors import NotARepositoryError, RepositoryGoneError


def exists(path: Path) -> bool:
    """Return whether a repository already exists.

    Raises:
        GitError: one is there that cannot be used.
    """
    try:
        Repository(path).identity()
    except (NotARepositoryError, RepositoryGoneError):
        return False
    return True


def check_empty(path: Path) -> None:
    """Refuse a folder in which a repository cannot be made.

    Raises:
        UsageError: something else is there.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(
            f"expected an empty folder or none in {path}, found other files",
            hint="name another folder, or run git init there yourself",
        )


def make(path: Path) -> None:
    """Make an empty bare repository in a folder that is empty or missing.

    Raises:
        UsageError: something else is there.
        GitError: git cannot make it.
    """
    check_empty(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise storage_error(err, path) or UnavailableError(f"cannot make {path}: {err}") from err
    # No template: no hooks are copied into it.
    Repository(path).read("init", "--quiet", "--bare", "--template=", ".")


def save(root: Path, values: dict[str, str]) -> Path:
    """Write settings to the storage root's file, replacing those of the same names.

    Raises:
        UsageError: a value cannot stand in the file.
    """
    file = root / SETTINGS_FILE
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    for name, value in values.items():
        if "'" in value or "\n" in value:
            raise UsageError(f"expected {name} without quotes and line breaks, found {value!r}")
        lines = [line for line in lines if not re.match(rf"\s*(?:export\s+)?{name}\s*=", line)]
        lines.append(f"{name}='{value}'")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{SETTINGS_FILE}.new")
    draft.write_text("\n".join(lines) + "\n", "utf-8")
    draft.replace(file)
    return file
