"""Compares the repository and the remote with what the tags should be."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.git.adapters import findings, rows, turns
from registry.git.adapters.findings import FindingKind, FindingPlace, Found
from registry.git.adapters.remote import Remote
from registry.git.adapters.repository import Ref, Repository
from registry.git.domain import grammar
from registry.git.domain.names import CHECKPOINTS, to_name
from registry.git.errors import CorruptRepositoryError, GitError
from registry.git.tag_writer import remake

_logger = logging.getLogger(__name__)

_REPAIR = "acgs git sync --repair makes it what it was"
_SHOWN = 3


@dataclass(slots=True)
class TagComparison:
    """What one comparison found and repaired."""

    found: list[Found] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    error: GitError | None = None

    @property
    def tampered(self) -> list[Found]:
        """The platform's tags that were moved or deleted and are not repaired."""
        kinds = (FindingKind.MOVED, FindingKind.DELETED)
        return [one for one in self.found if one.kind in kinds and one.subject not in self.repaired]


@dataclass(frozen=True, slots=True)
class Checker:
    """Compares and, on demand, repairs."""

    engine: Engine
    repository: Repository

    def local(self, now: datetime, *, repair: bool, dry_run: bool = False) -> TagComparison:
        """Compare the repository with the tags that were written to it.

        Raises:
            GitError: the repository cannot be read.
        """
        with reading(self.engine) as connection:
            expected = rows.made(connection)
            planned = rows.names(connection)
        there = self.repository.tags()
        checked = TagComparison(_differences(expected, there, FindingPlace.LOCAL))
        unknown = _foreign_tags(planned, there, FindingPlace.LOCAL)
        if dry_run:
            checked.found += unknown
            return checked
        if repair and checked.tampered:
            with turns.writing(self.repository):
                self._repair_local(checked, self.repository.tags(), to_millis(now))
        self._record(checked, unknown, FindingPlace.LOCAL, to_millis(now))
        return checked

    def remote(
        self, remote: Remote, now: datetime, *, repair: bool, dry_run: bool = False
    ) -> TagComparison:
        """Compare the remote with the tags that were pushed to it.

        Raises:
            GitError: the remote cannot be read.
        """
        with reading(self.engine) as connection:
            expected = rows.pushed(connection)
            planned = rows.names(connection)
        there = remote.tags()
        checked = TagComparison(_differences(expected, there, FindingPlace.REMOTE))
        # A clash that a push met: the tag is not pushed, the remote has another of its name.
        waiting = {name: one for name, one in self._waiting().items() if name in there}
        checked.found += _differences(waiting, there, FindingPlace.REMOTE)
        unknown = _foreign_tags(planned, there, FindingPlace.REMOTE)
        if dry_run:
            checked.found += unknown
            return checked
        if repair:
            self._repair_remote(remote, checked, to_millis(now))
        self._record(checked, unknown, FindingPlace.REMOTE, to_millis(now))
        return checked

    def _waiting(self) -> Mapping[str, str]:
        with reading(self.engine) as connection:
            made, pushed = rows.made(connection), rows.pushed(connection)
        return {name: one for name, one in made.items() if name not in pushed}

    def _repair_local(self, checked: TagComparison, there: Mapping[str, Ref], now_ms: int) -> None:
        wanted = {one.subject for one in checked.tampered}
        with reading(self.engine) as connection:
            tags = rows.by_names(connection, sorted(wanted))
            commits = rows.commit_contents(connection, (tag.page_id for tag in tags))
        for tag in tags:
            commit_id, object_id = tag.commit_id or "", tag.object_id or ""
            try:
                if not self.repository.has_all([commit_id]):
                    self._remake(commit_id, commits[commit_id])
                self.repository.write("tag", [(tag.content or "").encode()])
                ref = there.get(tag.name)
                self.repository.replace(tag.name, object_id, ref.object_id if ref else "")
            except GitError as err:
                checked.error = err
                continue
            self._restored(checked, tag.name, FindingPlace.LOCAL, object_id, now_ms)

    def _remake(self, commit_id: str, content: bytes) -> None:
        lost = remake(self.repository, {commit_id: content})
        if lost:
            raise CorruptRepositoryError(
                f"expected {lost[commit_id]}, on which a version's commit builds, found none",
                hint="fetch the history of the code into the repository",
            )

    def _repair_remote(self, remote: Remote, checked: TagComparison, now_ms: int) -> None:
        for one in checked.tampered:
            try:
                remote.force(one.subject, one.found if one.kind is FindingKind.MOVED else "")
            except GitError as err:
                checked.error = err
                continue
            self._restored(checked, one.subject, FindingPlace.REMOTE, one.expected, now_ms)

    def _restored(
        self, checked: TagComparison, tag: str, place: FindingPlace, object_id: str, now_ms: int
    ) -> None:
        checked.repaired.append(tag)
        with transaction(self.engine) as connection:
            findings.restored(connection, tag, place, object_id, now_ms)

    def _record(
        self, checked: TagComparison, unknown: Sequence[Found], place: FindingPlace, now_ms: int
    ) -> None:
        """Record what is new, and close what no longer stands."""
        with transaction(self.engine) as connection:
            for one in (*checked.found, *unknown):
                if findings.note(connection, one, now_ms) and one.kind is not FindingKind.FOREIGN:
                    _logger.warning("%s %s: found %s", one.place, one.subject, one.found)
            tampered = [one.subject for one in checked.tampered]
            for kind in (FindingKind.MOVED, FindingKind.DELETED):
                still = [one.subject for one in checked.tampered if one.kind is kind]
                findings.settle(connection, [kind], place, still, now_ms)
            self._settle_foreign(connection, unknown, place, now_ms)
        if tampered:
            _logger.error(
                "%s: %d of the platform's tags were moved or deleted", place, len(tampered)
            )
        checked.found += unknown

    def _settle_foreign(
        self, connection: Connection, unknown: Sequence[Found], place: FindingPlace, now_ms: int
    ) -> None:
        for kind in (FindingKind.UNKNOWN, FindingKind.FOREIGN):
            still = [one.subject for one in unknown if one.kind is kind]
            findings.settle(connection, [kind], place, still, now_ms)


def _differences(
    expected: Mapping[str, str], there: Mapping[str, Ref], place: FindingPlace
) -> list[Found]:
    found = []
    for name, object_id in expected.items():
        ref = there.get(name)
        if ref is None:
            found.append(Found(FindingKind.DELETED, place, name, object_id, "no such tag", _REPAIR))
        elif ref.object_id != object_id:
            found.append(Found(FindingKind.MOVED, place, name, object_id, ref.object_id, _REPAIR))
    return found


def _foreign_tags(
    planned: frozenset[str], there: Mapping[str, Ref], place: FindingPlace
) -> list[Found]:
    """Return findings about foreign tags: one for each that gto would read, one for all others."""
    strange = [
        ref
        for name, ref in sorted(there.items())
        if name not in planned and not name.startswith(CHECKPOINTS)
    ]
    read = [ref for ref in strange if ref.annotated and grammar.parse(ref.name)]
    found = [_unknown(ref, place) for ref in read]
    others = [ref.name for ref in strange if ref not in read]
    if others:
        shown = ", ".join(others[:_SHOWN]) + (", ..." if len(others) > _SHOWN else "")
        expected, advice = "tags of this platform", "nothing: they are left alone"
        text = f"{len(others)} of somebody else's: {shown}"
        found.append(Found(FindingKind.FOREIGN, place, "*", expected, text, advice))
    return found


def _unknown(ref: Ref, place: FindingPlace) -> Found:
    parsed = grammar.parse(ref.name)
    model = to_name(parsed.artifact) if parsed else None
    return Found(
        FindingKind.UNKNOWN,
        place,
        ref.name,
        "a tag that the registry knows",
        f"{ref.object_id}, made by a person with gto or git"
        + (f", about the model {model}" if model else ""),
        "register the version in the registry; if the tag is a mistake, delete it: "
        "it is never taken for a registration",
    )
