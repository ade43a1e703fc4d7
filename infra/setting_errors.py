"""Describes malformed settings in words that name no library."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from infra.errors import SettingsError, storage_error

ROOT = "MLOPS_STORAGE_ROOT"
_HINT = "docs/reference/settings.md says what it means"
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def malformed(name: str, field: FieldInfo, found: object, where: str) -> SettingsError:
    """Return the error about a setting's value.

    Args:
        name: the setting's, as in the environment.
        field: its definition.
        found: the value.
        where: the file or environment that the value is from.
    """
    return SettingsError(
        f"setting {name} in {where}: expected {expected(field)}, found {found!r}",
        hint=f"correct {name} in {where}, or remove it there for the default; {_HINT}",
    )


def expected(field: FieldInfo) -> str:
    """Return what values a setting takes."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _one_of(item.value for item in kind)
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "expected" in extra:
        return str(extra["expected"])
    words = {int: "a whole number", float: "a number", str: "a text"}
    what = next((word for known, word in words.items() if kind is known), "a path")
    limits = " and ".join(_limits(field.metadata))
    return f"{what} of {limits}" if limits else what


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


def _one_of(values: Iterable[Any]) -> str:
    *others, last = (str(value) for value in values)
    return f"{', '.join(others)} or {last}"


def _limits(metadata: Iterable[object]) -> Iterable[str]:
    for item in metadata:
        for bound, word in _BOUNDS.items():
            if hasattr(item, bound):
                yield f"{word} {getattr(item, bound)}"
