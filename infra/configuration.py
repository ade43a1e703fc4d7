"""Reads the settings of this process, once; they are passed on from there.

Precedence: command-line flag > environment > `acgs.env` in the storage root > default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from infra.addresses import PartError
from infra.component import components
from infra.errors import SettingsError
from infra.setting import Definition
from infra.setting_errors import ROOT, check_root, expanded, malformed
from infra.settings import Group, MalformedError, Settings, definitions

SETTINGS_FILE = "acgs.env"
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
"""A setting's name. What stands in its place otherwise may be a piece of a password."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting's definition.

    Attributes:
        name: in the environment.
        group: that it belongs to.
        field_name: of the group's field that it fills.
        definition: its default, meaning and kind.
    """

    name: str
    group: type[Group]
    field_name: str
    definition: Definition

    def value(self, settings: Settings) -> object:
        """Return the value in force."""
        return getattr(settings.of(self.group), self.field_name)

    def is_chosen(self, settings: Settings) -> bool:
        """Return whether the value was given, and is not just the default."""
        return settings.is_chosen(self.name)


def groups() -> dict[str, tuple[type[Group], ...]]:
    """Return every group of settings, by the component that adds it; the platform's own first."""
    found: dict[str, tuple[type[Group], ...]] = {"infra": (Settings,)}
    for component in components():
        if kinds := tuple(component.settings()):
            found[component.name] = (*found.get(component.name, ()), *kinds)
    return found


def defined(group: type[Group]) -> Iterator[Setting]:
    """Return the definitions of a group's settings, in the order of its fields."""
    for field_name, definition in definitions(group).items():
        yield Setting(definition.name, group, field_name, definition)


def known_settings() -> dict[str, Setting]:
    """Return the definition of every setting, by its name in the environment."""
    kinds = (kind for added in groups().values() for kind in added)
    return {setting.name: setting for kind in kinds for setting in defined(kind)}


def load_settings(**flags: Any) -> Settings:
    """Read the settings of this process, and every component's group of them.

    All groups, also those that this process has no use for: a malformed value is an error of every
    command. That costs some milliseconds, and neither `acgs --help` nor a command that reads from
    a running platform comes here.

    Args:
        **flags: values from the command line, by field name of `Settings`; None means "not given".

    Raises:
        SettingsError: a value is malformed, or an `ACGS_` name is unknown.
        BrokenComponentError: a component cannot be loaded, so that its settings are unknown.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    root = given.get("storage_root") or os.environ.get("MLOPS_STORAGE_ROOT") or ".acgs"
    file = expanded(root) / SETTINGS_FILE
    check_root(file.parent)
    known = known_settings()
    written = _written(file)
    _refuse_unknown(known, written, file)
    try:
        settings = Settings.read(written | dict(os.environ), **given)
        for kind in {setting.group: None for setting in known.values()}:
            settings.of(kind)
    except MalformedError as err:
        name = err.definition.name
        where = "the environment" if name in os.environ else str(file)
        if any(d is err.definition for f, d in definitions(Settings).items() if f in given):
            where = "the command line"
        part = err.__cause__ if isinstance(err.__cause__, PartError) else None
        found = None if err.definition.is_secret or part else err.found
        raise malformed(name, err.definition.kind.expected, found, where, part) from err
    return settings


def _written(file: Path) -> dict[str, str]:
    """Return what a file sets.

    Raises:
        SettingsError: it is no text file, or a line of it sets nothing, a name again or the root.
    """
    if not file.is_file():
        if file.exists() or file.is_symlink():
            raise SettingsError(
                f"expected a file of settings, found that {file} is none",
                hint=f"put a file there, or remove {file}",
            )
        return {}
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise SettingsError(
            f"expected a file of settings in UTF-8, found that {file} cannot be read: {err}",
            hint=f"write {file} again, or remove it",
        ) from err
    names: set[str] = set()
    for binding in parse_stream(StringIO(text)):
        _check(binding, names, file)
        names |= {binding.key} if binding.key else set()
    found = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value or "" for name, value in found.items()}


def _check(binding: Binding, names: Collection[str], file: Path) -> None:
    """Refuse a line, without quoting what may be a password."""
    text = binding.original.string
    is_name = binding.key is not None and _NAME.fullmatch(binding.key)
    line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
    if binding.error or (binding.key and binding.value is None):
        problem = "expected NAME=value, found another form"
        hint = "correct the line, or put # in front of it"
    elif binding.key is not None and not is_name:
        problem = "expected a setting's name in capitals in front of the =, found another text"
        hint = "write a value on the line of its name, or put # in front of the line"
    elif binding.key in names:
        problem = f"expected each name once, found {binding.key} again"
        hint = "remove one of the lines"
    elif binding.key == ROOT:
        problem = f"expected no {ROOT}, since this file lies in that folder"
        hint = f"set {ROOT} in the environment, or use --storage-root"
    else:
        return
    raise SettingsError(f"{file}, line {line}: {problem}", hint=hint)


def _refuse_unknown(known: Collection[str], written: Collection[str], file: Path) -> None:
    found = {name for name in os.environ if name.startswith("ACGS_")} | set(written)
    unknown = sorted(name for name in found if name not in known)
    if unknown:
        where = f" in {file}" if unknown[0] in written else ""
        name = unknown[0] if _NAME.fullmatch(unknown[0]) else "of a name that is not shown"
        raise SettingsError(
            f"unknown setting {name}{where}: expected one of {', '.join(sorted(known))}",
            hint="remove it, or correct its spelling",
        )
