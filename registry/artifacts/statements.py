"""Signs one statement per version, and proves versions by their statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from infra.stores.db import reading, transaction
from registry.artifacts.adapters import rows
from registry.artifacts.base import Kit
from registry.artifacts.domain.statement import (
    Envelope,
    StatementFacts,
    statement,
)
from registry.artifacts.errors import StatementInvalidError
from registry.artifacts.proofs import Proof, compared, proven
from registry.audit.adapters import events
from registry.domain.records import Act, VersionRecord
from registry.domain.values import SYSTEM

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Statements:
    """Signs and verifies statements."""

    kit: Kit

    def envelope(self, record: VersionRecord) -> Envelope:
        """Return a version's signed statement; sign it now if there is none."""
        with reading(self.kit.engine) as connection:
            known = rows.statement_of(connection, record.uid)
        return known[0] if known else self.sign(record)

    def sign(self, record: VersionRecord) -> Envelope:
        """Sign what was registered; if several processes do, the first signature is kept.

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
                    Act(SYSTEM, at_ms),
                    name=record.name,
                    version=record.version,
                    data={
                        "semver": record.semver,
                        "manifest_digest": record.manifest_digest,
                        "key_id": made.key_id,
                        "statement_digest": made.digest,
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
        return compared(known[0], predicate, manifest, found, self.kit.way_back())


def _facts(record: VersionRecord) -> StatementFacts:
    return StatementFacts(
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
