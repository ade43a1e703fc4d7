"""Foresees the steps of `acgs version resolve` on a snapshot, and writes nothing.

A step may also repair another finding, or uncover a new one: a forgotten record is then found
missing. So the steps are not simply those of all findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from registry.checking.domain.health import examine
from registry.checking.domain.snapshot import Record, Row, Snapshot
from registry.domain.findings import Action, Finding, Step
from registry.domain.values import GOVERNED_ALIASES, Stage, Standing
from registry.versions.domain import semver

Value = TypeVar("Value")
UNNUMBERED = "a version not numbered yet"
PASSES = 3
"""How often what is left is looked at again."""


def foresee(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return the findings whose steps will be carried out, in order."""
    done: list[Finding] = []
    for _ in range(PASSES):
        for finding in examine(snapshot):
            if finding.step is not None and finding in examine(snapshot):
                done.append(finding)
                snapshot = after(snapshot, finding.step)
    return tuple(done)


def after(snapshot: Snapshot, step: Step) -> Snapshot:
    """Return the snapshot that results from a step."""
    match step.action:
        case Action.ADOPT:
            return _adopted(snapshot, step.number)
        case Action.FORGET:
            forgotten = [
                replace(r, deleted=r.deleted or r.uid == step.uid) for r in snapshot.records
            ]
            return _let_go(replace(snapshot, records=forgotten), step.uid)
        case Action.END_TENURES:
            return _let_go(snapshot, step.uid)
        case Action.MOVE_STAGE:
            return _moved(snapshot, step)
        case Action.SET_ALIAS:
            return _named(snapshot, step.value, step.number)
        case Action.DROP_ALIAS:
            return _named(snapshot, step.value, None)
        case Action.WRITE_PARTS:
            return replace(snapshot, records=[_read_anew(r, step.uid) for r in snapshot.records])
        case Action.EXTERNAL:
            raise ValueError("only its own finder knows what an external step does")


def _let_go(snapshot: Snapshot, uid: str) -> Snapshot:
    return replace(
        snapshot,
        stages=_without(snapshot.stages, uid),
        granted_aliases={a: u for a, u in snapshot.granted_aliases.items() if u != uid},
        held_by_deleted=snapshot.held_by_deleted - {uid},
    )


def _moved(snapshot: Snapshot, step: Step) -> Snapshot:
    row, record = snapshot.rows.get(step.number), snapshot.live.get(step.number)
    if row is None:
        return snapshot
    stages = snapshot.stages
    if record is not None:
        stages = _without(stages, record.uid)
        if step.value != Stage.NONE.value:
            stages = {**stages, record.uid: step.value}
    rows = {**snapshot.rows, step.number: replace(row, stage=step.value)}
    moved = replace(snapshot, rows=rows, stages=stages)
    if step.value == Stage.ARCHIVED.value:
        for alias in GOVERNED_ALIASES:
            if moved.aliases.get(alias) == step.number:
                moved = _named(moved, alias, None)
    return moved


def _named(snapshot: Snapshot, alias: str, number: int | None) -> Snapshot:
    aliases, granted = _without(snapshot.aliases, alias), _without(snapshot.granted_aliases, alias)
    if number is not None:
        aliases = {**aliases, alias: number}
        record = snapshot.live.get(number)
        granted = {**granted, alias: record.uid} if record else granted
    return replace(snapshot, aliases=aliases, granted_aliases=granted)


def _read_anew(record: Record, uid: str) -> Record:
    if record.uid != uid:
        return record
    parts = semver.precedence(record.semver)
    return replace(record, parts=(parts.major, parts.minor, parts.patch, parts.prerelease))


def _adopted(snapshot: Snapshot, number: int) -> Snapshot:
    """Give a version, and those before it, a record; the numbers they will get are not foreseen."""
    for row in (snapshot.rows[n] for n in sorted(snapshot.rows) if n <= number):
        if row.number not in snapshot.live:
            snapshot = _recorded(snapshot, row)
    return snapshot


def _recorded(snapshot: Snapshot, row: Row) -> Snapshot:
    uid = f"version {row.number}"
    record = Record(
        uid, row.number, row.created_ms, UNNUMBERED, (0, 0, 0, None), Standing.ACTIVE, False
    )
    held = {
        a: uid for a, n in snapshot.aliases.items() if n == row.number and a in GOVERNED_ALIASES
    }
    stages = (
        snapshot.stages if row.stage == Stage.NONE.value else {**snapshot.stages, uid: row.stage}
    )
    return replace(
        snapshot,
        records=[*snapshot.records, record],
        stages=stages,
        granted_aliases={**snapshot.granted_aliases, **held},
    )


def _without(values: Mapping[str, Value], key: str) -> dict[str, Value]:
    return {each: value for each, value in values.items() if each != key}
