"""Use cases around one version: registering it."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sqlalchemy import Connection, insert, select, update

from infra.clock import to_millis, utc_now
from infra.db import reading, transaction
from registry.adapters import events, mirror, queries, tables, tenures
from registry.adapters import mlflow_tables as mlflow
from registry.domain import semver
from registry.domain.manifest import Manifest
from registry.domain.semver import Derived, Predecessor
from registry.errors import UnknownVersionError
from registry.records import VersionRecord
from registry.version_files import Inspected, VersionFiles

_LOGGED_MODEL = re.compile(r"(?:^models:|/)/?(m-[0-9a-f]{32})(?:/|$)")
"""A logged model in a source: `models:/m-…`, or the folder that `runs:/…` is resolved to."""


class Versions(VersionFiles):
    """Registering, finding and reading versions."""

    def record_version(
        self,
        connection: Connection,
        name: str,
        inspected: Inspected,
        actor: str,
        number: int | None = None,
    ) -> VersionRecord:
        """Record a version that MLflow knows, in MLflow's own transaction.

        Args:
            connection: of that transaction.
            name: registered model.
            inspected: what its files said.
            actor: who registered it.
            number: MLflow's number; None means the one just created.
        """
        row = _mlflow_row(connection, name, number)
        before = queries.predecessor(connection, name)
        derived = semver.derive(
            Predecessor(before.semver, before.signature) if before else None,
            inspected.signature,
        )
        record = self._insert_version(connection, row, inspected, derived, before)
        events.record(
            connection,
            "model_version.created",
            name=name,
            version=record.version,
            actor=actor,
            at_ms=record.created_ms,
            data={
                "semver": record.semver,
                "bump": record.bump,
                "reason": record.reason,
                "manifest_digest": record.manifest_digest,
                "source": record.source,
                "problem": inspected.problem,
            },
        )
        if not self.governance().governs(name):
            return record
        _show(connection, record)
        return record

    def _insert_version(
        self,
        connection: Connection,
        row: Any,
        inspected: Inspected,
        derived: Derived,
        before: VersionRecord | None,
    ) -> VersionRecord:
        manifest = inspected.manifest
        if manifest is not None:
            _keep_manifest(connection, manifest, row.creation_time)
        source = str(row.source)
        logged = _LOGGED_MODEL.search(source)
        commit, dataset = queries.lineage(connection, row.run_id)
        record = VersionRecord(
            uid=str(uuid.uuid4()),
            name=row.name,
            version=row.version,
            created_ms=row.creation_time,
            semver=derived.version,
            bump=derived.bump,
            reason=f"{derived.reason} ({inspected.problem})"
            if inspected.problem
            else derived.reason,
            signature=inspected.signature,
            manifest_digest=manifest.digest if manifest else None,
            source=source,
            storage_uri=inspected.storage_uri,
            run_id=row.run_id,
            model_id=logged[1] if logged else None,
            git_commit=commit,
            dataset_digest=dataset,
            predecessor_uid=before.uid if before else None,
            origin_uid=queries.origin_uid(connection, source, row.name),
        )
        connection.execute(
            insert(tables.version).values(
                uid=record.uid,
                name=record.name,
                version=record.version,
                created_ms=record.created_ms,
                semver=record.semver,
                bump=record.bump,
                reason=record.reason,
                signature=record.signature.to_json() if record.signature else None,
                manifest_digest=record.manifest_digest,
                source=record.source,
                storage_uri=record.storage_uri,
                run_id=record.run_id,
                model_id=record.model_id,
                git_commit=record.git_commit,
                dataset_digest=record.dataset_digest,
                predecessor_uid=record.predecessor_uid,
                origin_uid=record.origin_uid,
            )
        )
        tenures.adopt(connection, record, to_millis(utc_now()))
        return record

    def adopt(self, name: str, number: int, actor: str) -> VersionRecord:
        """Return a version's record, made now for one that plain MLflow registered.

        Raises:
            UnknownVersionError: MLflow has no such version.
        """
        with reading(self.engine) as connection:
            known = queries.live_version(connection, name, number)
            source = queries.source_of(connection, name, number)
        if known is not None:
            return known
        if source is None:
            raise UnknownVersionError(
                f"{name} has no version number {number}: {self.known_versions(name)}"
            )
        inspected = self.inspect(source)
        with transaction(self.engine) as connection:
            known = queries.live_version(connection, name, number)
            if known is not None:
                return known
            return self.record_version(connection, name, inspected, actor, number)

    def show_versions(self, name: str) -> None:
        """Write the platform's tags onto every live version of a model."""
        with transaction(self.engine) as connection:
            for record in queries.versions_of(connection, name):
                _show(connection, record)

    def refresh_lineage(self, uid: str) -> None:
        """Read again what MLflow knows of the run, where nothing was known at registration."""
        with transaction(self.engine) as connection:
            record = queries.version_by_uid(connection, uid)
            if record is None or (record.git_commit and record.dataset_digest):
                return
            commit, dataset = queries.lineage(connection, record.run_id)
            connection.execute(
                update(tables.version)
                .where(tables.version.c.uid == uid)
                .values(
                    git_commit=record.git_commit or commit,
                    dataset_digest=record.dataset_digest or dataset,
                )
            )


def _mlflow_row(connection: Connection, name: str, number: int | None) -> Any:
    v = mlflow.model_versions.c
    query = select(v.name, v.version, v.creation_time, v.source, v.run_id).where(
        v.workspace == mlflow.WORKSPACE, v.name == name
    )
    if number is None:
        query = query.order_by(v.version.desc()).limit(1)
    else:
        query = query.where(v.version == number)
    return connection.execute(query).one()


def _show(connection: Connection, record: VersionRecord) -> None:
    tags = {"acgs.version": record.semver, "acgs.bump": f"{record.bump}: {record.reason}"}
    if record.manifest_digest:
        tags["acgs.digest"] = record.manifest_digest
    mirror.set_tags(connection, record.name, record.version, tags)


def _keep_manifest(connection: Connection, manifest: Manifest, created_ms: int) -> None:
    known = connection.execute(
        select(tables.manifest.c.digest).where(tables.manifest.c.digest == manifest.digest)
    ).scalar()
    if known is None:
        connection.execute(
            insert(tables.manifest).values(
                digest=manifest.digest, document=manifest.document(), created_ms=created_ms
            )
        )
