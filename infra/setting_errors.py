"""Describes malformed settings in words that name no library."""

from __future__ import annotations

import stat
from pathlib import Path

from infra.addresses import PartError
from infra.errors import SettingsError, storage_error

ROOT = "MLOPS_STORAGE_ROOT"
_LONGEST = 200
_HINT = "docs/reference/settings.md says what it means"


def malformed(
    name: str, expected: str, found: object, where: str, part: PartError | None = None
) -> SettingsError:
    """Return the error about a setting's value.

    Args:
        name: the setting's, as in the environment.
        expected: what values it takes.
        found: the value; None for one that may hold a password.
        where: the file or environment that the value is from.
        part: what is wrong with a part of the value.
    """
    if part is not None:
        shown = f"one that is not shown: {part}"
    elif found is None:
        shown = "one that is not shown"
    elif len(text := str(found)) > _LONGEST:
        shown = repr(f"{text[:_LONGEST]}…")
    else:
        shown = repr(text)
    return SettingsError(
        f"setting {name} in {where}: expected {expected}, found {shown}",
        hint=f"correct {name} in {where}, or remove it there for the default; {_HINT}",
    )


def expanded(root: str | Path) -> Path:
    """Return a storage root with `~` and `~NAME` replaced by the home folder.

    Raises:
        SettingsError: nobody of that name is known.
    """
    try:
        return Path(root).expanduser()
    except RuntimeError as err:
        raise SettingsError(
            f"setting {ROOT}: expected a folder, found {str(root)[:200]!r}, whose home is unknown",
            hint=f"write the whole path in {ROOT} or --storage-root",
        ) from err


def check_root(root: Path) -> None:
    """Refuse a storage root that is no folder or cannot be entered.

    Raises:
        SettingsError: it is a file, lies below one, or may not be entered.
    """
    try:
        found = root.stat()
        (root / "acgs.env").exists()
    except FileNotFoundError:
        return
    except OSError as err:
        known = storage_error(err, root)
        raise SettingsError(
            f"setting {ROOT}: expected a folder, found that {str(root)!r} cannot be used: "
            f"{err.strerror}",
            hint=(known.hint if known else None) or f"correct {ROOT}",
        ) from err
    except ValueError as err:
        raise SettingsError(
            f"setting {ROOT}: expected a path, found {str(root)!r}", hint=f"correct {ROOT}"
        ) from err
    if not stat.S_ISDIR(found.st_mode):
        raise SettingsError(
            f"setting {ROOT}: expected a folder, found that {str(root)!r} is none",
            hint=f"name a folder in {ROOT} or --storage-root; it is made if it is missing",
        )
