"""Use cases around signed statements: making one per version, and proving a version by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from infra.stores.db import reading, transaction
from registry.artifacts.adapters import keys, rows
from registry.artifacts.base import Kit
from registry.artifacts.domain.statement import (
    Envelope,
    Facts,
    MalformedStatementError,
    read_statement,
    statement,
)
from registry.artifacts.errors import FilesDifferError, StatementInvalidError
from registry.audit.adapters import events
from registry.domain.records import VersionRecord
from registry.domain.values import SYSTEM
from registry.files.adapters import artifact_files
from registry.files.domain.manifest import Manifest, difference

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


ADDED_BY_MLFLOW = "registered_model_meta"
"""Name and version of the model, written beside the files that are downloaded by them."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven: these files are those that the holder of this key signed.

    Attributes:
        passed_over: files that were not looked at, since MLflow adds them to what it downloads.
    """

    key_id: str
    manifest_digest: str
    files: int
    size_bytes: int
    predicate: Mapping[str, object]
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statements:
    """Signing and verifying."""

    kit: Kit

    def envelope(self, record: VersionRecord) -> Envelope:
        """Return a version's signed statement, made now if it has none."""
        with reading(self.kit.engine) as connection:
            known = rows.statement_of(connection, record.uid)
        return known[0] if known else self.sign(record)

    def sign(self, record: VersionRecord) -> Envelope:
        """Sign what was registered; of several processes that do, the first one's stays.

        Raises:
            NoManifestError: the files could not be read at registration.
        """
        made = self.kit.keys.sign(statement(_facts(record), self.kit.manifest(record)))
        at_ms = self.kit.now_ms()
        try:
            with transaction(self.kit.engine) as connection:
                rows.keep_statement(connection, record, made, at_ms)
                events.record(
                    connection,
                    "artifact.signed",
                    name=record.name,
                    version=record.version,
                    actor=SYSTEM,
                    at_ms=at_ms,
                    data={
                        "semver": record.semver,
                        "manifest_digest": record.manifest_digest,
                        "key_id": made.key_id,
                    },
                )
        except IntegrityError:
            with reading(self.kit.engine) as connection:
                known = rows.statement_of(connection, record.uid)
            if known is not None:
                return known[0]
            raise
        return made

    def sign_missing(self, limit: int) -> int:
        """Sign versions that have no statement yet; return how many."""
        with reading(self.kit.engine) as connection:
            waiting = rows.without_statement(connection, limit)
        for record in waiting:
            self.sign(record)
        return len(waiting)

    def verify(
        self, record: VersionRecord, trusted: Mapping[str, Ed25519PublicKey] | None = None
    ) -> Proof:
        """Prove that a version's files are those that were signed, and that the key is trusted.

        Args:
            record: the version.
            trusted: public keys by id; None means those of this installation.

        Raises:
            StatementInvalidError: the statement is missing, forged, or about another version.
            FilesDifferError: a file is missing, added, changed or swapped; all are named.
        """
        with reading(self.kit.engine) as connection:
            known = rows.statement_of(connection, record.uid)
        if known is None:
            raise StatementInvalidError(
                f"{record.ref}: expected a signed statement, found none yet",
                hint="acgs artifact statement signs it now; the role artifacts does by itself",
            )
        predicate, manifest = proven(
            known[0], self.kit.keys.trusted() if trusted is None else trusted
        )
        stated = (predicate.get("version_uid"), manifest.digest)
        if stated != (record.uid, record.manifest_digest):
            raise StatementInvalidError(
                f"{record.ref}: expected a statement about {record.uid} with "
                f"{record.manifest_digest}, found one about {stated[0]} with {stated[1]}",
                hint="the database was changed by hand: restore it, or register the version again",
            )
        found = self.kit.registry.files.current_manifest(record)
        return _compared(known[0], predicate, manifest, found, self.kit.way_back())


def verify_folder(
    folder: Path, envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]
) -> Proof:
    """Prove a folder anywhere, with nothing but a statement and a public key.

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
    proof = _compared(envelope, predicate, manifest, Manifest(files), hint)
    return replace(proof, passed_over=() if files == found.files else passed_over)


def proven(
    envelope: Envelope, trusted: Mapping[str, Ed25519PublicKey]
) -> tuple[Mapping[str, object], Manifest]:
    """Return what a statement says, its signature checked.

    Raises:
        StatementInvalidError: it is forged, by another key, or malformed.
    """
    keys.verify(envelope, trusted)
    try:
        return read_statement(envelope.payload)
    except MalformedStatementError as err:
        raise StatementInvalidError(str(err)) from err


def _compared(
    envelope: Envelope,
    predicate: Mapping[str, object],
    signed: Manifest,
    found: Manifest,
    hint: str,
) -> Proof:
    changed = difference(signed, found)
    if changed:
        lines = "".join(f"\n  {line}" for line in changed)
        raise FilesDifferError(
            f"{predicate['name']} {predicate['semver']}: expected the files that were signed, "
            f"found {len(changed)} that differ:{lines}",
            hint=hint,
        )
    return Proof(envelope.key_id, signed.digest, len(signed.files), signed.size_bytes, predicate)


def _facts(record: VersionRecord) -> Facts:
    return Facts(
        uid=record.uid,
        name=record.name,
        version=record.version,
        semver=record.semver,
        registered_ms=record.created_ms,
        source=record.source,
        run_id=record.run_id,
        git_commit=record.git_commit,
        dataset_digest=record.dataset_digest,
    )
