"""Reads the settings of this process, once; they are passed on from there.

Precedence: command-line flag > environment > `acgs.env` in the storage root > default.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from infra.errors import SettingsError
from infra.setting_errors import check_root, malformed
from infra.settings import Settings

SETTINGS_FILE = "acgs.env"


def known_names() -> dict[str, str]:
    """Return the environment name of every setting, with the field that it fills."""
    return {str(field.validation_alias): name for name, field in Settings.model_fields.items()}


def load_settings(**flags: Any) -> Settings:
    """Read the settings of this process.

    Args:
        **flags: values from the command line, by field name; None means "not given".

    Raises:
        SettingsError: a value is malformed, or an `ACGS_` name is unknown.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    root = given.get("storage_root") or os.environ.get("MLOPS_STORAGE_ROOT") or ".acgs"
    file = Path(root).expanduser() / SETTINGS_FILE
    check_root(file.parent)
    names = known_names()
    written = dotenv_values(file) if file.is_file() else {}
    unknown = sorted(
        {n for n in os.environ if n.startswith("ACGS_") and n not in names}
        | {n for n in written if n not in names}
    )
    if unknown:
        where = f" in {file}" if unknown[0] in written else ""
        raise SettingsError(
            f"unknown setting {unknown[0]}{where}: expected one of {', '.join(sorted(names))}",
            hint=f"remove {unknown[0]}, or correct its spelling",
        )
    try:
        return Settings(_env_file=file if file.is_file() else None, **given)
    except ValidationError as err:
        first = err.errors()[0]
        said = str(first["loc"][0])
        field = Settings.model_fields[names.get(said, said)]
        name = str(field.validation_alias)
        where = "the environment" if name in os.environ else str(file)
        if names.get(name) in given:
            where = "the command line"
        raise malformed(name, field, first.get("input"), where) from err
