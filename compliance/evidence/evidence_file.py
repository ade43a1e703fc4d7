"""Reads and writes the evidence catalogue and the datasets it pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from compliance.domain import quoting
from compliance.errors import EvidenceError
from compliance.evidence.catalogue import Binding, Catalogue
from infra import strict_yaml
from infra.schema_errors import explain
from infra.settings import Settings
from registry.governance.adapters.evidence_file import catalogue_path
from registry.settings import RegistrySettings

if TYPE_CHECKING:
    from compliance.evidence.holdout_file import Table

MAX_DATASET_BYTES = 2_000_000_000
_HINT = "correct those lines, then: acgs evidence check"


@dataclass(frozen=True, slots=True)
class Holdout:
    """A dataset whose bytes are the pinned ones; its table is shared and must not be changed."""

    binding: Binding
    table: Table


def load(settings: Settings) -> Catalogue:
    """Return the catalogue in force; without a file it is empty.

    Raises:
        EvidenceError: the file is invalid.
    """
    path = catalogue_path(settings)
    if settings.of(RegistrySettings).evidence is None and not path.exists():
        return Catalogue()
    return parse(path)


def parse(path: Path) -> Catalogue:
    """Check a catalogue's text.

    Raises:
        EvidenceError: the text is invalid; names each place.
    """
    raw = strict_yaml.read(path, EvidenceError)
    try:
        return Catalogue.model_validate({} if raw is None else raw)
    except ValidationError as err:
        keys = {*Binding.model_fields, *Catalogue.model_fields}
        raise EvidenceError(f"{path}:\n  {explain(err, keys)}", hint=_HINT) from err


def holdout(settings: Settings, binding: Binding) -> Holdout:
    """Return a binding's dataset, its digest checked.

    Raises:
        EvidenceError: the file is missing, is not the pinned one, or cannot be what the binding
            says.
    """
    path = catalogue_path(settings).parent / binding.dataset
    found = file_digest(path)
    if found != binding.sha256:
        raise EvidenceError(
            f"{path}: expected the dataset pinned as sha256 {binding.sha256}, found {found}",
            hint="restore the file, or pin the new one: acgs evidence add ... --replace",
        )
    return Holdout(binding, _checked(path, found, binding))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex.

    Raises:
        EvidenceError: it cannot be read, or is larger than `MAX_DATASET_BYTES`.
    """
    try:
        if path.stat().st_size > MAX_DATASET_BYTES:
            raise EvidenceError(f"{path}: expected at most {MAX_DATASET_BYTES} bytes")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise EvidenceError(f"{path}: expected a readable dataset, found: {err.strerror}") from err


@lru_cache(maxsize=16)
def _read(path: Path, _sha256: str) -> Table:
    from compliance.evidence import holdout_file

    return holdout_file.read(path)


@lru_cache(maxsize=64)
def _checked(path: Path, sha256: str, binding: Binding) -> Table:
    from compliance.evidence import evidence_checks

    try:
        names = (binding.label, *binding.sensitive, *binding.features)
        table = _read(path, sha256).knowing(names)
        evidence_checks.check(path, binding, table)
    except EvidenceError:
        raise
    except Exception as err:  # a library's words may hold cells
        raise EvidenceError(
            f"{path}: expected a dataset that can be read, found one that ends in "
            f"{quoting.cause(err)}",
            hint="write it again: CSV with plain values, or Parquet by frame.to_parquet(path)",
        ) from None
    return table


def add(
    settings: Settings,
    dataset: Path,
    draft: dict[str, object],
    *,
    replace: bool = False,
    dry_run: bool = False,
) -> Binding:
    """Copy a dataset beside the catalogue, pin it, and bind a pattern to it.

    Args:
        settings: of the platform.
        dataset: file to copy.
        draft: the binding without `dataset` and `sha256`.
        replace: whether a binding of the same pattern may be replaced.
        dry_run: check everything, change nothing.

    Raises:
        EvidenceError: the file cannot be used, or the pattern is bound already.
    """
    path = catalogue_path(settings)
    sha256 = file_digest(dataset)
    name = f"{sha256[:16]}{dataset.suffix}"
    try:
        binding = Binding.model_validate({**draft, "dataset": name, "sha256": sha256})
    except ValidationError as err:
        raise EvidenceError(explain(err, Binding.model_fields)) from err
    old = parse(path).bindings if path.exists() else ()
    bound = [b for b in old if b.pattern.casefold() == binding.pattern.casefold()]
    if bound and bound[0] != binding and not replace:
        raise EvidenceError(
            f"{binding.pattern}: expected a pattern that is not bound yet, found it bound to "
            f"{bound[0].dataset}",
            hint="add --replace to bind it to the new file",
        )
    from compliance.evidence import evidence_checks

    evidence_checks.check_positive(dataset, binding, _checked(dataset, sha256, binding))
    if dry_run:
        return binding
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = path.parent / name
    if not target.exists() or file_digest(target) != sha256:
        _atomically(target, lambda draft_path: shutil.copyfile(dataset, draft_path))
    kept = tuple(b for b in old if b not in bound)
    # The more specific pattern first, since the first match wins.
    ordered = sorted((*kept, binding), key=lambda b: (_is_wild(b.pattern), -len(b.pattern)))
    text = yaml.safe_dump(
        {"bindings": [b.model_dump(mode="json") for b in ordered]}, sort_keys=False
    )
    _atomically(path, lambda draft_path: draft_path.write_text(text, "utf-8"))
    return binding


def _is_wild(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _atomically(target: Path, write: Callable[[Path], object]) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
    os.close(handle)
    try:
        write(Path(name))
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
