"""Reads the digest of a binding from the evidence catalogue.

Compliance owns the catalogue's meaning; the registry only asks, when a verdict is used,
whether the binding it was judged on is still the one in force.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from infra.settings import Settings
from registry.domain.canonical import digest
from registry.domain.values import Enforcement
from registry.governance.domain.governance import Pattern
from registry.settings import RegistrySettings

NO_BINDING = digest(None)
UNREADABLE = "unreadable"
"""Stands where a digest would; no verdict may rest on it."""


NOT_ADOPTED = "that somebody put in force (acgs evidence adopt)"
"""Stands where a digest would; no verdict may rest on it."""


def catalogue_path(settings: Settings) -> Path:
    """Return the path of the evidence catalogue, which need not exist."""
    chosen = settings.of(RegistrySettings).evidence
    return chosen or settings.storage_root / "evidence" / "catalogue.yaml"


def catalogue_digest(settings: Settings) -> str:
    """Return the digest of the whole catalogue, that of no bindings where there is none.

    An unreadable one is UNREADABLE. Datasets are pinned in it by their digests.
    """
    bindings = catalogue(settings)
    return UNREADABLE if bindings is None else digest(bindings)


def catalogue(settings: Settings) -> list[dict[str, Any]] | None:
    """Return the bindings of the catalogue, none where there is no file; None if unreadable."""
    path = catalogue_path(settings)
    try:
        status = path.stat()
    except FileNotFoundError:
        return []
    bindings = _bindings(path, status.st_mtime_ns, status.st_size)
    return None if bindings is None else list(bindings)


def binding_digest(settings: Settings, name: str) -> str:
    """Return the digest of the binding in force for a model name.

    A missing catalogue, or one without a binding for the name, has the digest of null. An
    unreadable one, or a dataset whose bytes are not the pinned ones, is UNREADABLE, so that
    nothing stale is granted.
    """
    path = catalogue_path(settings)
    try:
        status = path.stat()
    except FileNotFoundError:
        return NO_BINDING
    bindings = _bindings(path, status.st_mtime_ns, status.st_size)
    if bindings is None:
        return UNREADABLE
    for binding in bindings:
        pattern = Pattern(str(binding.get("pattern")), Enforcement.ENFORCE)
        if pattern.matches(name):
            return digest(binding) if _is_pinned(path.parent, binding) else UNREADABLE
    return NO_BINDING


def _is_pinned(folder: Path, binding: dict[str, Any]) -> bool:
    """Return whether the dataset's bytes are still the pinned ones."""
    dataset = folder / str(binding.get("dataset"))
    try:
        status = dataset.stat()
        found = _sha256(dataset, status.st_mtime_ns, status.st_size)
    except OSError:
        return False
    return found == binding.get("sha256")


@lru_cache(maxsize=64)
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
