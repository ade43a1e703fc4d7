"""Reads the one thing the registry needs of the evidence catalogue: a binding's digest.

Compliance owns the catalogue's meaning; the registry only asks, when a verdict is used,
whether the binding it was judged on is still the one in force.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from infra.settings import Settings
from registry.domain.canonical import digest
from registry.domain.governance import Pattern
from registry.domain.values import Enforcement

NO_BINDING = digest(None)


def catalogue_path(settings: Settings) -> Path:
    """Return where the evidence catalogue lies; it need not exist."""
    return settings.evidence or settings.storage_root / "evidence" / "catalogue.yaml"


def binding_digest(settings: Settings, name: str) -> str:
    """Return the digest of the binding in force for a model name.

    A missing catalogue, or one without a binding for the name, has the digest of null. An
    unreadable one has a digest that no verdict carries, so that nothing stale is granted.
    """
    path = catalogue_path(settings)
    try:
        status = path.stat()
    except FileNotFoundError:
        return NO_BINDING
    bindings = _bindings(path, status.st_mtime_ns, status.st_size)
    if bindings is None:
        return "unreadable"
    for binding in bindings:
        pattern = Pattern(str(binding.get("pattern")), Enforcement.ENFORCE)
        if pattern.matches(name):
            return digest(binding)
    return NO_BINDING


@lru_cache(maxsize=8)
def _bindings(path: Path, _mtime_ns: int, _size: int) -> tuple[dict[str, Any], ...] | None:
    try:
        value = yaml.safe_load(path.read_text("utf-8"))
        bindings = tuple(dict(item) for item in (value or {}).get("bindings", ()))
        for binding in bindings:
            digest(binding)
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError):
        return None
    return bindings
