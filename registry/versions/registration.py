"""Registers versions: numbers and records them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, Engine, insert, update

from infra.clock import to_millis, utc_now
from infra.settings import Settings
from infra.stores.db import transaction
from registry.adapters import mirror, tables, version_rows
from registry.adapters.mirror import Shown
from registry.audit.adapters import events
from registry.domain.records import Act, VersionRecord
from registry.domain.signature import Signature
from registry.domain.values import SignatureOrigin
from registry.files.adapters import manifests
from registry.files.adapters.real_places import real_place
from registry.files.domain.inference import infer
from registry.files.domain.inspected import Inspected
from registry.files.domain.storage_place import storage_place
from registry.governance.adapters import governance_file
from registry.stages.adapters import tenures
from registry.versions.adapters import known, numbering, provenance, wish_tags
from registry.versions.adapters.known import Known, Release
from registry.versions.domain import semver, wishes
from registry.versions.domain.semver import Derived, Predecessor
from registry.versions.domain.sources import logged_model_of
from registry.versions.domain.wishes import Wish

# Made once: to make it costs as much as to carry it out.
_ADD = insert(tables.version)


@dataclass(frozen=True, slots=True)
class _Numbered:
    """The number of a version, and what it was derived from."""

    derived: Derived
    wish: Wish
    signature: Signature | None
    origin: SignatureOrigin | None


@dataclass(frozen=True, slots=True)
class Registration:
    """Numbers and records versions that MLflow knows."""

    engine: Engine
    settings: Settings

    def record_version(
        self,
        connection: Connection,
        name: str,
        inspected: Inspected,
        actor: str,
        number: int | None = None,
        *,
        shown: bool = True,
    ) -> VersionRecord:
        """Record a version that MLflow knows, in MLflow's own transaction.

        Args:
            connection: of that transaction.
            name: registered model.
            inspected: what its files said.
            actor: who registered it.
            number: MLflow's number; None means the one just created. A version that plain MLflow
                registered is numbered without regard to what its author asked for.
            shown: whether MLflow's pages may show it, if its name is governed.

        Raises:
            WishRefusedError, WishInvalidError: the author asks for what cannot be granted.
        """
        row = known.read(connection, name, number)
        numbered = _numbered(connection, row, inspected, adopted=number is not None)
        record = self._insert_version(connection, row, inspected, numbered)
        if number is not None:
            tenures.adopt(connection, record, to_millis(utc_now()))
        events.record(
            connection,
            "model_version.created" if number is None else "model_version.adopted",
            Act(actor, record.created_ms if number is None else to_millis(utc_now())),
            name=name,
            version=record.version,
            data={
                "uid": record.uid,
                "semver": record.semver,
                "bump": record.bump,
                "reason": record.reason,
                "requested": record.requested,
                "manifest_digest": record.manifest_digest,
                "source": record.source,
                "problem": inspected.problem,
                "stage": row.stage,
                "run_id": record.run_id,
                "logged_model": record.model_id,
                "git_commit": record.git_commit,
                "dataset_digest": record.dataset_digest,
                "predecessor_uid": record.predecessor_uid,
                "origin_uid": record.origin_uid,
            },
        )
        if not shown or not governance_file.load(self.settings).governs(name):
            return record
        mirror.show(connection, record)
        return record

    def record_new(
        self, connection: Connection, name: str, inspected: Inspected, actor: str, words: str
    ) -> Shown:
        """Record the version that MLflow just made under a governed name, and show it.

        Args:
            connection: of MLflow's transaction.
            name: registered model.
            inspected: what its files said.
            actor: who registered it.
            words: its description so far.

        Raises:
            WishRefusedError, WishInvalidError: the author asks for what cannot be granted.
        """
        record = self.record_version(connection, name, inspected, actor, shown=False)
        return mirror.show_new(connection, record, words)

    def _insert_version(
        self, connection: Connection, row: Known, inspected: Inspected, numbered: _Numbered
    ) -> VersionRecord:
        manifest = inspected.manifest
        digest = None
        if manifest is not None:
            digest = manifests.keep(connection, manifest, row.created_ms)
        source = row.source
        derived = numbered.derived
        parts = semver.precedence(derived.version)
        record = VersionRecord(
            uid=str(uuid.uuid4()),
            name=row.name,
            version=row.version,
            created_ms=row.created_ms,
            semver=derived.version,
            bump=derived.bump,
            reason=f"{derived.reason} ({inspected.problem})"
            if inspected.problem
            else derived.reason,
            signature=numbered.signature,
            manifest_digest=digest,
            source=source,
            storage_uri=inspected.storage_uri,
            run_id=row.run_id,
            model_id=logged_model_of(source),
            git_commit=row.commit,
            dataset_digest=row.dataset,
            predecessor_uid=row.predecessor_uid,
            origin_uid=provenance.origin_uid(connection, source, row.name),
            major=parts.major,
            minor=parts.minor,
            patch=parts.patch,
            prerelease=parts.prerelease,
            requested=str(numbered.wish) or None,
            signature_origin=numbered.origin,
            storage_place=_place(self.settings, inspected.storage_uri or source),
        )
        row_values = {field.name: getattr(record, field.name) for field in fields(record)}
        row_values["signature"] = record.signature.to_json() if record.signature else None
        connection.execute(_ADD, row_values)
        return record

    def refresh_lineage(self, uid: str) -> None:
        """Read again what MLflow knows of the run, if nothing was known at registration."""
        with transaction(self.engine) as connection:
            record = version_rows.version_by_uid(connection, uid)
            if record is None or (record.git_commit and record.dataset_digest):
                return
            commit, dataset = provenance.lineage(connection, record.run_id)
            connection.execute(
                update(tables.version)
                .where(tables.version.c.uid == uid)
                .values(
                    git_commit=record.git_commit or commit,
                    dataset_digest=record.dataset_digest or dataset,
                )
            )


def _place(settings: Settings, uri: str) -> str:
    """Return the one spelling of a folder; a local path without its symlinks."""
    place = storage_place(uri)
    if not place.startswith("file:/"):
        return place
    return storage_place((real_place(settings, uri) or place).removeprefix("file:"))


def _numbered(
    connection: Connection, row: Known, inspected: Inspected, *, adopted: bool
) -> _Numbered:
    before = row.before
    ahead = numbering.prereleases_above(connection, row.name, before.core if before else None)
    previous = Predecessor(before.semver, before.signature) if before else None
    signature, origin, note = _signature(inspected, before)
    try:
        layers = wish_tags.layers(connection, row.name, row.version, row.source, row.run_id)
        wish = wishes.read(layers)
        derived = semver.derive(previous, signature, wish, ahead)
    except (wishes.WishInvalidError, wishes.WishRefusedError) as err:
        if not adopted:
            raise
        wish = wishes.NOTHING
        derived = semver.derive(previous, signature, wish, ahead)
        note = f"{note}; what its author asked for was refused: {err.message}"
    return _Numbered(replace(derived, reason=derived.reason + note), wish, signature, origin)


def _signature(
    inspected: Inspected, before: Release | None
) -> tuple[Signature | None, SignatureOrigin | None, str]:
    """Return the signature to compare, its origin, and a note about it."""
    if inspected.signature is not None:
        return inspected.signature, SignatureOrigin.LOGGED, ""
    if before is None or before.signature is None:
        return None, None, ""
    if inspected.example is None:
        found = inspected.example_problem and f": {inspected.example_problem}"
        return None, None, f"; no input example to infer it from{found}"
    inferred = infer(before.signature, inspected.example)
    return inferred, SignatureOrigin.INFERRED, "; inputs inferred from the input example"
