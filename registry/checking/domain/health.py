"""Finds what is wrong with a model's versions: a snapshot in, findings out.

Three books say where a version stands: MLflow's rows, the platform's records and its tenures (who
held which place when). Everything that goes through the gate writes all three in one transaction,
so where they differ somebody wrote past it, or a backup of one was restored without the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.checking.domain.number_checks import numbers
from registry.checking.domain.snapshot import Record, Row, Snapshot
from registry.domain.findings import Action, Finding, Severity, Step
from registry.domain.values import (
    CHAMPION,
    GOVERNED_ALIASES,
    GOVERNED_STAGES,
    Stage,
    Standing,
    spelled,
)


def examine(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return every finding: numbers first, then records, then places."""
    return (*numbers(snapshot), *books(snapshot), *places(snapshot))


def books(snapshot: Snapshot) -> Iterator[Finding]:
    """Check that MLflow's rows and the platform's records describe the same versions."""
    live, name = snapshot.live, snapshot.name
    for number, row in sorted(snapshot.rows.items()):
        record = live.get(number)
        if record is None:
            yield Finding(
                "record.missing",
                Severity.ERROR,
                name,
                number,
                "a record of the version",
                "none: it was registered past the gate",
                "record it now",
                Step(Action.ADOPT, number),
            )
        elif record.created_ms != row.created_ms:
            yield Finding(
                "record.other_version",
                Severity.ERROR,
                name,
                number,
                f"the version that was recorded as {record.semver}",
                "another one under its number: it was deleted and made again past the gate",
                "forget the record, then record the new version",
                Step(Action.FORGET, number, uid=record.uid),
            )
    for number, record in sorted(live.items()):
        if number not in snapshot.rows:
            yield Finding(
                "record.orphan",
                Severity.ERROR,
                name,
                number,
                f"MLflow's version {number} for {record.semver}",
                "none: it was deleted past the gate",
                "record that it is deleted",
                Step(Action.FORGET, number, uid=record.uid),
            )
    for record in snapshot.records:
        if record.deleted and record.uid in snapshot.held_by_deleted:
            yield Finding(
                "stage.of_deleted",
                Severity.ERROR,
                name,
                record.number,
                "a deleted version that holds no place",
                f"{record.semver} still holds one",
                "end what it holds",
                Step(Action.END_TENURES, record.number, uid=record.uid),
            )


def places(snapshot: Snapshot) -> Iterator[Finding]:
    """Check stages and aliases: as granted, at most one champion, no unfit version in them."""
    same = {
        number: record
        for number, record in sorted(snapshot.live.items())
        if number in snapshot.rows and snapshot.rows[number].created_ms == record.created_ms
    }
    for number, record in same.items():
        yield from _stage(snapshot, record, snapshot.rows[number])
    yield from _aliases(snapshot)
    yield from _crowd(snapshot, same)


def _stage(snapshot: Snapshot, record: Record, row: Row) -> Iterator[Finding]:
    granted = snapshot.stages.get(record.uid, Stage.NONE.value)
    if row.stage != granted:
        yield Finding(
            "stage.not_granted",
            Severity.ERROR,
            snapshot.name,
            record.number,
            f"stage {granted}, as the platform granted it",
            f"stage {row.stage}",
            f"move it back to {granted}, then ask for {row.stage}",
            Step(Action.MOVE_STAGE, record.number, granted, record.uid),
        )
        return
    governed = row.stage in {stage.value for stage in GOVERNED_STAGES}
    if record.standing is Standing.YANKED and governed:
        yield Finding(
            "stage.yanked",
            Severity.ERROR,
            snapshot.name,
            record.number,
            "a yanked version outside Staging and Production",
            f"{record.semver} in {row.stage}",
            "move it to Archived",
            Step(Action.MOVE_STAGE, record.number, Stage.ARCHIVED.value, record.uid),
        )
    if record.parts[3] is not None and row.stage == Stage.PRODUCTION.value:
        yield Finding(
            "stage.prerelease",
            Severity.ERROR,
            snapshot.name,
            record.number,
            "a release in Production",
            f"the pre-release {record.semver}",
            f"acgs version release {spelled(snapshot.name, record.semver)}, then promote that",
        )


def _aliases(snapshot: Snapshot) -> Iterator[Finding]:
    by_uid = {record.uid: record for record in snapshot.records if not record.deleted}
    for alias in sorted(GOVERNED_ALIASES):
        number = snapshot.aliases.get(alias)
        granted = by_uid.get(snapshot.granted_aliases.get(alias, ""))
        wanted = granted.number if granted and granted.number in snapshot.rows else None
        if number == wanted:
            continue
        shown = f"version {wanted}" if wanted else "no version"
        action = Action.SET_ALIAS if wanted else Action.DROP_ALIAS
        yield Finding(
            "alias.not_granted",
            Severity.ERROR,
            snapshot.name,
            number if number is not None else wanted,
            f"{alias} names {shown}, as the platform granted it",
            f"version {number}" if number is not None else "no such alias",
            f"set {alias} to {shown}" if wanted else f"remove {alias}",
            Step(action, wanted or number or 0, alias, granted.uid if granted else ""),
        )


def _crowd(snapshot: Snapshot, same: Mapping[int, Record]) -> Iterator[Finding]:
    serving = {
        number: record
        for number, record in same.items()
        if snapshot.rows[number].stage == Stage.PRODUCTION.value
        and record.uid not in snapshot.in_rollout
    }
    if snapshot.stable_uid and snapshot.stable_uid not in snapshot.in_rollout:
        stable = next((r for r in snapshot.records if r.uid == snapshot.stable_uid), None)
        if stable is None or stable.number not in serving:
            yield Finding(
                "endpoint.not_in_production",
                Severity.ERROR,
                snapshot.name,
                stable.number if stable else None,
                "the version that the endpoint serves in Production",
                f"{stable.semver if stable else 'an unknown version'} is elsewhere",
                f"promote a version, or: acgs rollback {snapshot.name} --reason ...",
            )
    crowned = snapshot.aliases.get(CHAMPION)
    if len(serving) < 2:
        return
    for number, record in serving.items():
        if number != crowned and crowned in serving:
            yield Finding(
                "stage.two_in_production",
                Severity.ERROR,
                snapshot.name,
                number,
                f"only the champion, version {crowned}, in Production",
                f"{record.semver} is there too",
                "move it to Archived",
                Step(Action.MOVE_STAGE, number, Stage.ARCHIVED.value, record.uid),
            )
