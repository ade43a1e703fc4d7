"""Documents of roles for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import registry.access
from registry.access.domain.verbs import OF_ROLES

TEMPLATE = Path(registry.access.__file__).with_name("access.yaml")


def document(*grants: dict[str, Any], **roles: list[str]) -> dict[str, Any]:
    """Return a document of these roles and grants; `all` may do everything."""
    listed = {"all": [verb.value for verb in OF_ROLES], **roles}
    return {
        "api_version": "acgs.access/v1",
        "kind": "Access",
        "roles": [{"id": name, "may": may} for name, may in listed.items()],
        "grants": list(grants),
    }


def written(folder: Path, value: dict[str, Any]) -> Path:
    """Write a document of roles into a folder."""
    file = folder / "access.yaml"
    file.write_text(yaml.safe_dump(value), "utf-8")
    return file


EVERYTHING_TO_EVERYBODY = document({"role": "all", "to": ["everybody", "person:admin"]})
