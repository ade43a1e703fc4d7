"""Use cases around one version: registering, finding, and reading its files."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection, insert, select, update

from infra.db import reading, transaction
from registry.adapters import artifact_files, events, mirror, queries, tables
from registry.adapters import mlflow_tables as mlflow
from registry.base import UseCases
from registry.domain import semver
from registry.domain.manifest import FileEntry, Manifest, difference
from registry.domain.semver import Derived, Predecessor
from registry.domain.signature import Signature
from registry.domain.values import CHAMPION, Stage
from registry.errors import UnknownVersionError
from registry.records import Event, Position, Scorecard, VersionRecord

MAX_NUMBER = 2**31 - 1
"""Largest version number that MLflow's column holds."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was read from a version's files before it is registered.

    Attributes:
        manifest: every file; None when the files cannot be read.
        signature: None when the model has none, or it cannot be read.
        storage_uri: folder that the source stands for; None when it cannot be resolved.
        problem: why something could not be read, or "".
    """

    manifest: Manifest | None
    signature: Signature | None
    storage_uri: str | None = None
    problem: str = ""


class Versions(UseCases):
    """Registering, finding and reading versions."""

    def inspect(self, source: str) -> Inspected:
        """Hash a version's files and read its signature; touches no database row.

        Never raises for a bad artifact: a version may be registered whatever it is, and is
        refused at the gate.
        """
        uri: str | None = None
        try:
            with reading(self.engine) as connection:
                uri = artifact_files.storage_uri(connection, source)
            folder = artifact_files.fetch(self.settings, uri)
        except artifact_files.ArtifactError as err:
            return Inspected(None, None, uri, err.message)
        try:
            manifest = artifact_files.build_manifest(folder)
            mlmodel = artifact_files.read_mlmodel(folder)
            signature = Signature.from_mlmodel(mlmodel) if mlmodel else None
        except (artifact_files.ArtifactError, ValueError) as err:
            return Inspected(None, None, uri, str(err))
        finally:
            artifact_files.discard(self.settings, folder)
        return Inspected(manifest, signature, uri)

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
        record = self._insert_version(connection, row, inspected, derived)
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
        self, connection: Connection, row: Any, inspected: Inspected, derived: Derived
    ) -> VersionRecord:
        manifest = inspected.manifest
        if manifest is not None:
            _keep_manifest(connection, manifest, row.creation_time)
        source = str(row.source)
        model_id = source.removeprefix("models:/") if source.startswith("models:/m-") else None
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
            model_id=model_id,
            git_commit=commit,
            dataset_digest=dataset,
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
            )
        )
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

    def origin(self, source: str, destination: str) -> tuple[str, int] | None:
        """Return the registered version of another model that a source names, if it names one.

        Files that are given by run, by logged model or by path are an ordinary registration: it
        stands in no stage, and nothing that was judged elsewhere counts for it.
        """
        if not source.startswith("models:/") or source.startswith("models:/m-"):
            return None
        name, _, number = source.removeprefix("models:/").partition("/")
        name = unquote(name)
        if not number.isdigit() or name == destination:
            return None
        with reading(self.engine) as connection:
            known = queries.source_of(connection, name, int(number))
        return (name, int(number)) if known not in {None, mlflow.PROMPT_SOURCE} else None

    def live_record(self, name: str, number: int) -> VersionRecord | None:
        """Return the record of a live version, if the platform has one."""
        with reading(self.engine) as connection:
            return queries.live_version(connection, name, number)

    def is_prompt(self, name: str, number: int) -> bool:
        """Whether a version is one of MLflow's prompts, which have no files and never serve."""
        with reading(self.engine) as connection:
            return queries.source_of(connection, name, number) == mlflow.PROMPT_SOURCE

    def show_versions(self, name: str) -> None:
        """Write the platform's tags onto every live version of a model."""
        with transaction(self.engine) as connection:
            for record in queries.versions_of(connection, name):
                _show(connection, record)

    def version(self, uid: str) -> VersionRecord:
        """Return a version by its identity, with the lineage known by now.

        Raises:
            UnknownVersionError: no version has this identity.
        """
        with reading(self.engine) as connection:
            record = queries.version_by_uid(connection, uid)
        if record is None:
            raise UnknownVersionError(f"expected a version with identity {uid}, found none")
        return record

    def versions(self, name: str) -> Sequence[VersionRecord]:
        """Return the live versions of a model, newest first; empty for an unknown model."""
        with reading(self.engine) as connection:
            return queries.versions_of(connection, name)

    def model_names(self) -> Sequence[str]:
        """Return the names of all registered models with at least one live version."""
        v = tables.version.c
        with reading(self.engine) as connection:
            return list(
                connection.execute(
                    select(v.name).where(v.deleted_ms.is_(None)).distinct().order_by(v.name)
                ).scalars()
            )

    def find_version(self, name: str, spec: str) -> VersionRecord:
        """Find a version by what a person would call it.

        Args:
            name: registered model.
            spec: `1.2.0`, MLflow's number (`3`), `@champion`, or a stage.

        Raises:
            UnknownVersionError: nothing matches; the message lists what there is.
        """
        with reading(self.engine) as connection:
            record = _find(connection, name, spec)
            known = queries.semvers(connection, name) if record is None else []
        if record is None and not known:
            raise UnknownVersionError(
                f"expected a registered model {name} with versions, found none",
                hint="acgs model list",
            )
        if record is None:
            raise UnknownVersionError(
                f"{name} has no version {spec or '(empty)'}: {_listing(name, known)}",
                hint=f"acgs model show {name}",
            )
        return record

    def live_numbers(self, name: str) -> Sequence[int]:
        """Return MLflow's numbers of a model's live versions, oldest first."""
        with reading(self.engine) as connection:
            return queries.live_numbers(connection, name)

    def alias_number(self, name: str, alias: str) -> int | None:
        """Return the version number an alias points at, compared without case."""
        with reading(self.engine) as connection:
            return queries.alias_holder(connection, name, alias)

    def champion_number(self, name: str) -> int | None:
        """Return the version number of the champion, if there is one."""
        return self.alias_number(name, CHAMPION)

    def known_versions(self, name: str) -> str:
        """Say which semantic versions a model has, for an error message."""
        with reading(self.engine) as connection:
            return _listing(name, queries.semvers(connection, name))

    def position(self, uid: str) -> Position:
        """Return where a version stands now."""
        record = self.version(uid)
        with reading(self.engine) as connection:
            return queries.position(connection, record)

    def scorecards(self, uid: str) -> Sequence[Scorecard]:
        """Return a version's verdicts, newest first."""
        with reading(self.engine) as connection:
            return queries.scorecards(connection, uid)

    def events(
        self, after_id: int = 0, name: str | None = None, limit: int = 1000
    ) -> Sequence[Event]:
        """Return the audit trail, oldest first."""
        with reading(self.engine) as connection:
            return queries.events(connection, after_id=after_id, name=name, limit=limit)

    def model_files(self, uid: str) -> Path:
        """Return a local folder with the version's files, proven to be those registered.

        The caller must not modify it. A folder fetched from a remote store lies under
        `<storage root>/downloads`; `release_files` removes it.

        Raises:
            ArtifactError: the files cannot be read, or differ from the registered manifest.
        """
        record = self.version(uid)
        with reading(self.engine) as connection:
            uri = record.storage_uri or artifact_files.storage_uri(connection, record.source)
        folder = artifact_files.fetch(self.settings, uri)
        found = artifact_files.build_manifest(folder)
        if found.digest != record.manifest_digest:
            raise artifact_files.ArtifactError(
                f"{record.ref}: expected files with digest {record.manifest_digest}, "
                f"found {found.digest}: {self._difference(record, found)}",
                hint="restore the registered files, or register these as a new version",
            )
        return folder

    def release_files(self, folder: Path) -> None:
        """Give back what `model_files` returned."""
        artifact_files.discard(self.settings, folder)

    def current_manifest_digest(self, record: VersionRecord) -> str | None:
        """Hash a version's files as they are now; None when they cannot be read."""
        inspected = self.inspect(record.storage_uri or record.source)
        return inspected.manifest.digest if inspected.manifest else None

    def _difference(self, record: VersionRecord, found: Manifest) -> str:
        if record.manifest_digest is None:
            return "no files were readable at registration"
        with reading(self.engine) as connection:
            document = connection.execute(
                select(tables.manifest.c.document).where(
                    tables.manifest.c.digest == record.manifest_digest
                )
            ).scalar()
        if document is None:
            return "the registered manifest is missing"
        registered = Manifest.of(FileEntry(**file) for file in document["files"])
        return "; ".join(difference(registered, found)[:5])

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


def _find(connection: Connection, name: str, spec: str) -> VersionRecord | None:
    if semver.is_semver(spec):
        return queries.live_semver(connection, name, spec)
    number = _number_of(connection, name, spec)
    if number is None or number > MAX_NUMBER:
        return None
    return queries.live_version(connection, name, number)


def _number_of(connection: Connection, name: str, spec: str) -> int | None:
    if spec.isdigit():
        return int(spec)
    if spec.startswith("@"):
        return queries.alias_holder(connection, name, spec[1:])
    stage = Stage.parse(spec)
    if stage is None:
        return None
    crowned = (
        queries.alias_holder(connection, name, CHAMPION) if stage is Stage.PRODUCTION else None
    )
    return crowned or next(iter(queries.numbers_in_stage(connection, name, stage)), None)


def _listing(name: str, known: Sequence[str]) -> str:
    if not known:
        return f"expected a registered model {name} with versions, found none"
    shown = ", ".join(known[:10])
    return f"it has {shown}" + (f" and {len(known) - 10} more" if len(known) > 10 else "")
