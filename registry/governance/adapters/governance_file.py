"""Reads what the registry needs of the constitution, and refuses a document with a wrong lock.

The whole document belongs to the compliance package; the registry must know which names are
governed, and by which document, even when compliance is not installed. Fails closed.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from infra.errors import PlatformError
from infra.settings import Settings
from registry.domain import canonical
from registry.domain.values import GOVERNED_STAGES, Enforcement, Stage
from registry.governance.domain.approval_rules import ApprovalRules, rules_of
from registry.governance.domain.governance import Governance, Pattern
from registry.settings import RegistrySettings

DOCUMENT = "constitution.yaml"
LOCK = "constitution.lock.json"
MARKER = "constitution.own"


class ConstitutionError(PlatformError):
    """The constitution is missing, unreadable, or not the one that its lock names."""

    code = "registry.constitution_invalid"


def constitution_path(settings: Settings) -> Path:
    """Return the path of the constitution in force: setting > storage root > shipped default."""
    chosen = settings.of(RegistrySettings).constitution
    if chosen is not None:
        return chosen.expanduser().absolute()
    own = settings.storage_root / "constitution" / DOCUMENT
    if own.exists() or (settings.storage_root / MARKER).exists():
        return own
    shipped = shipped_path()
    if shipped is None:
        raise ConstitutionError(
            "expected a constitution, found none",
            hint="set ACGS_CONSTITUTION to its path",
        )
    return shipped


@cache
def shipped_path() -> Path | None:
    """Return the path of the shipped constitution; None where compliance is not installed."""
    spec = find_spec("compliance")
    folder = spec.submodule_search_locations if spec else None
    return Path(next(iter(folder))) / "constitution" / DOCUMENT if folder else None


def is_shipped(settings: Settings) -> bool:
    """Return whether the constitution in force is the shipped one."""
    return constitution_path(settings) == shipped_path()


def load(settings: Settings) -> Governance:
    """Return what is governed; read again whenever the document or its lock changes.

    Raises:
        ConstitutionError: there is no valid document under a matching lock.
    """
    path = constitution_path(settings)
    lock = path.with_name(LOCK)
    wanted = settings.of(RegistrySettings).constitutional_hash
    governance = _load(path, _stamp(path), lock, _stamp(lock), wanted)
    if path.parent == settings.storage_root / "constitution":
        _remember(settings.storage_root)
    return governance


@lru_cache(maxsize=8)
def _remember(root: Path) -> None:
    """Record that this storage root has its own constitution.

    If it went missing, falling back to the shipped one would silently change the rules.
    """
    with contextlib.suppress(OSError):
        (root / MARKER).touch()


def document(path: Path) -> dict[str, Any]:
    """Parse the YAML document; duplicate keys are refused.

    Raises:
        ConstitutionError: it cannot be read or is not a mapping.
    """
    try:
        value = yaml.load(path.read_text("utf-8"), Loader=_StrictLoader)  # noqa: S506 (safe)
    except OSError as err:
        raise ConstitutionError(
            f"cannot read the constitution {path}: {err.strerror}",
            hint="restore the file, or set ACGS_CONSTITUTION",
        ) from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise ConstitutionError(f"{path} is not valid YAML: {err}") from err
    if not isinstance(value, dict):
        raise ConstitutionError(f"{path}: expected a mapping, found {type(value).__name__}")
    return value


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as err:
        raise ConstitutionError(
            f"cannot read {path}: {err.strerror}",
            hint=f"expected {DOCUMENT} with {LOCK} beside it (acgs constitution lock)",
        ) from err
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)
def _load(
    path: Path,
    _path_stamp: tuple[int, int],
    lock_path: Path,
    _lock_stamp: tuple[int, int],
    constitutional_hash: str,
) -> Governance:
    value = document(path)
    found_digest = canonical.digest(value)
    try:
        lock = json.loads(lock_path.read_text("utf-8"))
        locked_hash, locked_sha = lock["constitutional_hash"], lock["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ConstitutionError(
            f"{lock_path}: expected constitutional_hash and sha256, found none ({err})",
            hint="acgs constitution lock",
        ) from err
    named = (value.get("metadata") or {}).get("constitutional_hash")
    for what, found in (("its lock", locked_hash), ("the document", named)):
        if found != constitutional_hash:
            raise ConstitutionError(
                f"expected constitution {constitutional_hash}, but {what} says {found!r}",
                hint="CONSTITUTIONAL_HASH, the document and its lock must name the same one",
            )
    if found_digest != f"sha256:{locked_sha}":
        raise ConstitutionError(
            f"{path} was changed under a locked identifier: expected sha256:{locked_sha}, "
            f"found {found_digest}",
            hint="restore the document, or have the new text locked: acgs constitution lock",
        )
    return Governance(
        constitutional_hash, found_digest, _patterns(path, value), _stages(path, value), value
    )


def _patterns(path: Path, value: dict[str, Any]) -> tuple[Pattern, ...]:
    raw = value.get("applies_to")
    if not isinstance(raw, list) or not raw:
        raise ConstitutionError(f"{path}: applies_to: expected a list of patterns, found {raw!r}")
    patterns = []
    for position, item in enumerate(raw):
        try:
            patterns.append(Pattern(str(item["pattern"]), Enforcement(item["enforcement"])))
        except (KeyError, TypeError, ValueError) as err:
            raise ConstitutionError(
                f"{path}: applies_to[{position}]: expected pattern and enforcement "
                f"({', '.join(Enforcement)}), found {item!r}"
            ) from err
    return tuple(patterns)


def _stages(path: Path, value: dict[str, Any]) -> tuple[tuple[Stage, ApprovalRules], ...]:
    raw = value.get("stages")
    stages = []
    for stage in (stage for stage in Stage if stage in GOVERNED_STAGES):
        bar = raw.get(stage.value) if isinstance(raw, dict) else None
        try:
            stages.append((stage, rules_of(bar)))
        except ValueError as err:
            raise ConstitutionError(
                f"{path}: stages.{stage}: {err}", hint="acgs constitution check"
            ) from err
    return tuple(stages)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses duplicate keys."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"duplicate key {key!r}", key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
