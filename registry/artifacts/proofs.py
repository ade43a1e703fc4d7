"""Proves files by a signed statement and a public key, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.artifacts.adapters import keys
from registry.artifacts.domain.statement import Envelope, MalformedStatementError, read_statement
from registry.artifacts.errors import FilesDifferError, StatementInvalidError
from registry.files.adapters import artifact_files
from registry.files.domain.manifest import Manifest, difference

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


ADDED_BY_MLFLOW = "registered_model_meta"
"""Name and version of the model, written beside the files that are downloaded by them."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Proves that these files are those that the holder of this key signed.

    Attributes:
        passed_over: files that were not looked at, since MLflow adds them to what it downloads.
    """

    key_id: str
    manifest_digest: str
    files: int
    size_bytes: int
    predicate: Mapping[str, object]
    passed_over: tuple[str, ...] = ()


def verify_folder(
    folder: Path, envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]
) -> Proof:
    """Prove a folder anywhere, with only a statement and a public key.

    Raises:
        StatementInvalidError: the statement is forged or by another key.
        FilesDifferError: a file is missing, added, changed or swapped.
    """
    predicate, manifest = proven(envelope, trusted)
    found = artifact_files.build_manifest(folder)
    signed = {file.path for file in manifest.files}
    passed_over = () if ADDED_BY_MLFLOW in signed else (ADDED_BY_MLFLOW,)
    files = tuple(file for file in found.files if file.path not in passed_over)
    hint = "get these files again from where they were registered: mlflow artifacts download"
    proof = compared(envelope, predicate, manifest, Manifest(files), hint)
    return replace(proof, passed_over=() if files == found.files else passed_over)


def proven(
    envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]
) -> tuple[Mapping[str, object], Manifest]:
    """Return what a statement says, once its signature is checked.

    Raises:
        StatementInvalidError: it is forged, by another key, or malformed.
    """
    keys.verify(envelope, trusted)
    try:
        return read_statement(envelope.payload)
    except MalformedStatementError as err:
        raise StatementInvalidError(str(err)) from err


def compared(
    envelope: Envelope,
    predicate: Mapping[str, object],
    signed: Manifest,
    found: Manifest,
    hint: str,
) -> Proof:
    """Return the proof that the files found are those signed.

    Raises:
        FilesDifferError: they are not; the message names each.
    """
    changed = difference(signed, found)
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise FilesDifferError(
            f"{predicate['name']} {predicate['semver']}: expected the files that were signed, "
            f"found {len(changed)} that differ:{lines}",
            hint=hint,
        )
    return Proof(envelope.key_id, signed.digest, len(signed.files), signed.size_bytes, predicate)
