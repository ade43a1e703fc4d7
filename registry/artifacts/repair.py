"""Handles damage that was found: restores proven bytes, or else quarantines the version.

Deletes nothing: a file that was added, and the damaged form of a file that is replaced, are kept
 under `<storage root>/strays` for a person to inspect.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from infra.stores.db import reading, transaction
from registry.artifacts.adapters import rows
from registry.artifacts.adapters.blobs import local_copy
from registry.artifacts.adapters.rows import FileCheck
from registry.artifacts.base import Kit
from registry.artifacts.replication import Replication
from registry.artifacts.scrub import IN_REPLICA, Scrubbing, replica_changes
from registry.audit.adapters import events
from registry.domain.records import Act, VersionRecord
from registry.errors import ArtifactError
from registry.files.adapters.stored_files import StoredFiles
from registry.files.domain.manifest import Change, ChangeKind, Manifest, changes, difference

_NOTHING = Manifest(())


@dataclass(frozen=True, slots=True)
class Repair:
    """The result of a repair.

    Attributes:
        restored: files that have their registered content again.
        removed: files and links that were added since, moved to `strays`.
        missing: files whose registered content is nowhere.
        copied: files that have their copy in the replica again.
        strays: where the damaged and added files went, if there were any.
    """

    restored: tuple[str, ...]
    removed: tuple[str, ...]
    missing: tuple[str, ...]
    strays: Path | None
    copied: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Return whether the version's files are again those registered."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Repairing:
    """Restores files."""

    kit: Kit
    scrubbing: Scrubbing
    replication: Replication

    def plan(self, record: VersionRecord) -> tuple[str, ...]:
        """Return what a repair would restore; changes nothing."""
        try:
            found = self.kit.registry.files.current_manifest(record)
        except ArtifactError as err:
            return (err.message,)
        registered = self.kit.manifest(record)
        copies = replica_changes(registered, self.scrubbing.lost_copies(registered))
        return (*difference(registered, found), *copies)

    def damaged(self) -> list[VersionRecord]:
        """Return the versions whose files differed from those registered at the last check."""
        with reading(self.kit.engine) as connection:
            found = rows.damaged(connection)
        return [self.kit.registry.versions.version(check.version_uid) for check in found]

    def repair(self, record: VersionRecord, actor: str) -> Repair:
        """Restore a version's files from the replica or their neighbours, then lost copies.

        Only bytes that hash to what was registered are written. What cannot be restored leaves
        the version quarantined; what is restored in full lifts a quarantine.

        Raises:
            NoAccessError: a store denies access; this does not count as damage.
            UnavailableError: a store does not answer; call again.
            ConflictError: another process writes to the replica; call again for the copies.
        """
        registered, files = self.kit.manifest(record), self.kit.files(record)
        with self._work(record) as (work, strays):
            links = files.set_links_aside(strays)
            found = self._now(record)
            wrong = changes(registered, found)
            sources = self._sources(files, registered, found, work)
            done = _put_right(files, registered, wrong, sources, strays)
        done = replace(done, removed=(*links, *done.removed))
        after = self.scrubbing.check(record)
        self._conclude(record, done, after, actor)
        if not done.whole or _of_the_files(after):
            return done
        done = replace(done, copied=self._copy_again(record, registered))
        if done.copied:
            self.scrubbing.check(record)
        return done

    def _now(self, record: VersionRecord) -> Manifest:
        try:
            return self.kit.registry.files.current_manifest(record)
        except ArtifactError:
            return _NOTHING

    def _sources(
        self, files: StoredFiles, registered: Manifest, found: Manifest, work: Path
    ) -> Mapping[str, Path]:
        """Find and prove the registered content of each wrong file, before anything is written."""
        right = {file.path: file for file in found.files}
        wanted = {f.sha256 for f in registered.files if right.get(f.path) != f}
        gathered: dict[str, Path] = {}
        for file in found.files:
            if file.sha256 in wanted and file.sha256 not in gathered:
                copy = work / file.sha256
                shutil.copyfile(local_copy(files, file.path, work / "object"), copy)
                if _sha256(copy) == file.sha256:
                    gathered[file.sha256] = copy
        if self.kit.replica is not None:
            with reading(self.kit.engine) as connection:
                blobs = rows.blobs(connection, self.kit.replica.id, wanted - gathered.keys())
            for sha256, blob in blobs.items():
                if self.kit.replica.fetch(blob, work / sha256):
                    gathered[sha256] = work / sha256
        return gathered

    def _copy_again(self, record: VersionRecord, registered: Manifest) -> tuple[str, ...]:
        """Copy lost content to the replica again; return the files whose copies were lost."""
        replica = self.kit.replica
        if replica is None or self.replication.is_replicated(record):
            return ()
        wanted = {file.sha256 for file in registered.files}
        with reading(self.kit.engine) as connection:
            promised = rows.promised_blobs(connection, replica.id, wanted)
            lost = promised.keys() - rows.blobs(connection, replica.id, wanted)
        if not lost and promised.keys() != wanted:
            # It was never copied in full: that is the role's work.
            return ()
        with self.replication.writing_replica():
            self.replication.replicate(record)
        return tuple(file.path for file in registered.files if file.sha256 in lost)

    def _conclude(self, record: VersionRecord, done: Repair, after: FileCheck, actor: str) -> None:
        primary = _of_the_files(after)
        if done.whole and not primary:
            if done.restored or done.removed:
                with transaction(self.kit.engine) as connection:
                    events.record(
                        connection,
                        "artifact.repaired",
                        Act(actor, self.kit.now_ms()),
                        name=record.name,
                        version=record.version,
                        data={
                            "semver": record.semver,
                            "restored": list(done.restored[:50]),
                            "removed": list(done.removed[:50]),
                        },
                    )
            self.kit.registry.custody.lift_quarantine(
                record, "restored and proven", actor, self.kit.clock()
            )
            return
        if primary:
            detail = "; ".join(primary[:5])
            self.kit.registry.custody.quarantine(record, detail, actor, self.kit.clock())

    @contextmanager
    def _work(self, record: VersionRecord) -> Iterator[tuple[Path, Path]]:
        folder = Path(tempfile.mkdtemp(prefix="repair-", dir=self.kit.settings.folder("downloads")))
        strays = self.kit.settings.folder("strays") / f"{record.uid}-{self.kit.now_ms()}"
        try:
            yield folder, strays
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _of_the_files(found: FileCheck) -> list[str]:
    return [change for change in found.changes if not change.startswith(IN_REPLICA)]


def _put_right(
    files: StoredFiles,
    registered: Manifest,
    wrong: tuple[Change, ...],
    sources: Mapping[str, Path],
    strays: Path,
) -> Repair:
    entries = {file.path: file for file in registered.files}
    restored, removed, missing = [], [], []
    for change in wrong:
        if change.kind is not ChangeKind.MISSING:
            _set_aside(files, change.path, strays)
        if change.kind is ChangeKind.ADDED:
            files.remove(change.path)
            removed.append(change.path)
            continue
        source = sources.get(entries[change.path].sha256)
        if source is None:
            missing.append(change.path)
            continue
        files.put(change.path, source)
        restored.append(change.path)
    kept = strays if strays.is_dir() else None
    return Repair(tuple(restored), tuple(removed), tuple(missing), kept)


def _set_aside(files: StoredFiles, name: str, strays: Path) -> None:
    target = strays / name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = local_copy(files, name, target)
    if copy != target:
        shutil.copyfile(copy, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
