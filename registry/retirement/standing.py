"""Deprecates, yanks and restores a version, always with a reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from sqlalchemy import Connection, Engine, select, update

from infra.clock import to_millis
from infra.errors import ConflictError, UsageError
from infra.stores.db import reading, transaction
from registry.adapters import mirror, tables, version_rows
from registry.audit.adapters import events
from registry.domain.reasons import Reason
from registry.domain.records import Act, VersionRecord
from registry.domain.values import GOVERNED_ALIASES, Stage, Standing, spelled
from registry.errors import GateClosedError, UnknownVersionError
from registry.gate.adapters import decisions
from registry.rollouts.adapters.in_use import serving
from registry.stages.adapters import moves, positions
from registry.versions.catalogue import Versions

REASON_LIMIT = 500
_V = tables.version.c


class _About(TypedDict):
    name: str
    version: int
    act: Act
    data: Mapping[str, str | None]


class StandingChangedError(ConflictError):
    """Somebody else changed the version's standing, or deleted it, in the meantime."""

    code = "registry.standing_changed"


@dataclass(frozen=True, slots=True)
class Standings:
    """Changes what the owners of a version say about using it."""

    engine: Engine
    versions: Versions

    def deprecate(self, uid: str, actor: str, reason: str, at: datetime) -> VersionRecord:
        """Advise against a version: it still resolves and may be promoted, with a warning.

        Raises:
            GateClosedError: it is yanked.
            UsageError: no reason, or one that cannot be shown.
        """
        return self._change(uid, Standing.DEPRECATED, actor, reason, at)

    def yank(self, uid: str, actor: str, reason: str, at: datetime) -> VersionRecord:
        """Withdraw a version: nobody can request a move for it any more; its files stay.

        It leaves Staging and its governed aliases; what is asked about it is refused. Its exact
        number still resolves, so that what was built on it can be looked at.

        Raises:
            GateClosedError: it is in Production, or a rollout needs it.
            UsageError: no reason, or one that cannot be shown.
        """
        return self._change(uid, Standing.YANKED, actor, reason, at)

    def restore(self, uid: str, actor: str, reason: str, at: datetime) -> VersionRecord:
        """Undo a deprecation or yank. The version does not return to its stage; request it again.

        Raises:
            UsageError: no reason, or one that cannot be shown.
        """
        return self._change(uid, Standing.ACTIVE, actor, reason, at)

    def check_change(self, record: VersionRecord, to: Standing) -> None:
        """Raise what a change of a version's standing would raise; changes nothing.

        Raises:
            GateClosedError: it is yanked and would be deprecated, or in use and would be yanked.
        """
        with reading(self.engine) as connection:
            _may_change(connection, record, to)

    def _change(
        self, uid: str, to: Standing, actor: str, reason: str, at: datetime
    ) -> VersionRecord:
        line, act = check_reason(reason), Act(actor, to_millis(at))
        with transaction(self.engine) as connection:
            record = _locked(connection, uid)
            if record.standing is to and (to is Standing.ACTIVE or record.standing_reason == line):
                return record
            _may_change(connection, record, to)
            if to is Standing.YANKED:
                _withdraw(connection, record, line, act)
            _write(connection, record, to, line, act)
        return self.versions.version(uid)


def check_reason(reason: str) -> str:
    """Return a reason as one line.

    Raises:
        UsageError: it is empty, too long or holds control characters.
    """
    line = " ".join(reason.split())
    if not line:
        raise UsageError("expected a reason, found none", hint="say why: --reason '...'")
    if len(line) > REASON_LIMIT:
        raise UsageError(
            f"expected a reason of up to {REASON_LIMIT} characters, found {len(line)}",
            hint="link to the longer story",
        )
    if any(unicodedata.category(char) in {"Cc", "Cs", "Cf"} for char in line):
        raise UsageError("expected a reason of plain text, found control characters in it")
    return line


def _locked(connection: Connection, uid: str) -> VersionRecord:
    # On PostgreSQL a grant of a request locks the same row: the later one sees the earlier.
    row = connection.execute(
        select(tables.version).where(_V.uid == uid, _V.deleted_ms.is_(None)).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownVersionError(f"expected a version with identity {uid}, found none")
    return version_rows.version_record(row)


def _may_change(connection: Connection, record: VersionRecord, to: Standing) -> None:
    if to is Standing.DEPRECATED and record.standing is Standing.YANKED:
        raise _still_yanked(record)
    if to is not Standing.YANKED or record.standing is Standing.YANKED:
        return
    stage = positions.position(connection, record).stage
    reasons = serving(connection, record)
    if not reasons and stage is Stage.PRODUCTION:
        reasons = [
            Reason(
                "yank.in_production",
                "a version outside Production",
                f"{record.name} serves from it: it is in Production",
                "promote another version first, then yank this one",
            )
        ]
    if reasons:
        raise GateClosedError(
            f"{record.ref} cannot be yanked while it is in use:",
            reasons,
            hint=f"roll back first: acgs rollback {record.name} --reason ...",
        )


def _withdraw(connection: Connection, record: VersionRecord, line: str, act: Act) -> None:
    stage = positions.position(connection, record).stage
    for alias in GOVERNED_ALIASES:
        moves.drop_alias(connection, record.name, alias, record.version, act)
    if stage is Stage.STAGING:
        moves.move_stage(connection, record.name, record.version, stage, Stage.ARCHIVED, act)
    yanked = Reason(
        "version.yanked", "a version that is not yanked", line, "ask for another version"
    )
    decisions.refuse_open(connection, record.uid, yanked, act)


def _write(
    connection: Connection,
    record: VersionRecord,
    to: Standing,
    line: str,
    act: Act,
) -> None:
    active = to is Standing.ACTIVE
    changed = connection.execute(
        update(tables.version)
        .where(
            _V.uid == record.uid,
            _V.standing == record.standing.value,
            _V.deleted_ms.is_(None),
        )
        .values(
            standing=to.value,
            standing_reason=None if active else line,
            standing_actor=None if active else act.actor,
            standing_ms=None if active else act.at_ms,
        )
    )
    if changed.rowcount != 1:
        raise StandingChangedError(
            f"expected {record.ref} to be {record.standing}, found it changed",
            hint="read the version again",
        )
    _record(connection, record, to, line, act)
    mirror.set_tags(connection, record.name, record.version, {mirror.STANDING: shown(to, line)})


def shown(standing: Standing, reason: str | None) -> str:
    """Return a standing as MLflow's pages show it; "" for one that needs no words."""
    return "" if standing is Standing.ACTIVE else f"{standing.value}: {reason}"


def _record(
    connection: Connection,
    record: VersionRecord,
    to: Standing,
    line: str,
    act: Act,
) -> None:
    data: Mapping[str, str | None] = {
        "semver": record.semver,
        "reason": line,
        "from_standing": record.standing.value,
        "from_reason": record.standing_reason,
    }
    about: _About = {
        "name": record.name,
        "version": record.version,
        "act": act,
        "data": data,
    }
    match to:
        case Standing.DEPRECATED:
            events.record(connection, "model_version.deprecated", **about)
        case Standing.YANKED:
            events.record(connection, "model_version.yanked", **about)
        case Standing.ACTIVE:
            events.record(connection, "model_version.restored", **about)


def _still_yanked(record: VersionRecord) -> GateClosedError:
    return GateClosedError(
        f"{record.ref} cannot be deprecated:",
        [
            Reason(
                "version.yanked",
                "a version that is not yanked",
                f"yanked: {record.standing_reason}",
                f"restore it first: acgs version restore {spelled(record.name, record.semver)}",
            )
        ],
    )
