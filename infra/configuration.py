"""Reads the settings of this process, once; they are passed on from there.

Precedence: command-line flag > environment > `acgs.env` in the storage root > default.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from infra.component import components
from infra.errors import SettingsError
from infra.setting_errors import check_root, malformed
from infra.settings import Group, Settings

SETTINGS_FILE = "acgs.env"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting's definition.

    Attributes:
        name: in the environment.
        group: that it belongs to.
        field_name: of the group's field that it fills.
        field: the definition of that field.
    """

    name: str
    group: type[Group]
    field_name: str
    field: FieldInfo

    def value(self, settings: Settings) -> object:
        """Return the value in force."""
        return getattr(settings.of(self.group), self.field_name)

    def is_chosen(self, settings: Settings) -> bool:
        """Return whether the value was given, and is not just the default."""
        return self.field_name in settings.of(self.group).model_fields_set


def groups() -> dict[str, tuple[type[Group], ...]]:
    """Return every group of settings, by the component that adds it; the platform's own first."""
    added = {component.name: tuple(component.settings()) for component in components()}
    return {"infra": (Settings,)} | {name: kinds for name, kinds in added.items() if kinds}


def defined(group: type[Group]) -> Iterator[Setting]:
    """Return the definitions of a group's settings, in the order of its fields."""
    for field_name, field in group.model_fields.items():
        yield Setting(str(field.validation_alias), group, field_name, field)


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
    file = Path(root).expanduser() / SETTINGS_FILE
    check_root(file.parent)
    known = known_settings()
    _refuse_unknown(known, file)
    try:
        settings = Settings.read(file if file.is_file() else None, **given)
        for kind in {setting.group: None for setting in known.values()}:
            settings.of(kind)
    except ValidationError as err:
        first = err.errors()[0]
        said = str(first["loc"][0])
        setting = known.get(said) or next(s for s in defined(Settings) if s.field_name == said)
        where = "the environment" if setting.name in os.environ else str(file)
        if setting.group is Settings and setting.field_name in given:
            where = "the command line"
        raise malformed(setting.name, setting.field, first.get("input"), where) from err
    return settings


def _refuse_unknown(known: Collection[str], file: Path) -> None:
    written = dotenv_values(file) if file.is_file() else {}
    found = {name for name in os.environ if name.startswith("ACGS_")} | set(written)
    unknown = sorted(name for name in found if name not in known)
    if unknown:
        where = f" in {file}" if unknown[0] in written else ""
        raise SettingsError(
            f"unknown setting {unknown[0]}{where}: expected one of {', '.join(sorted(known))}",
            hint=f"remove {unknown[0]}, or correct its spelling",
        )
