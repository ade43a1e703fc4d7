"""Reads everything written about one model's versions."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.checking.domain.snapshot import Record, Row, Snapshot
from registry.domain.values import GOVERNED_ALIASES, Standing
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters.tenures import PlaceKind

_V = tables.version.c
_T = tables.tenure.c
_MV = mlflow.model_versions.c


def read(connection: Connection, name: str) -> Snapshot:
    """Return a model's snapshot; its cost grows with the number of its versions."""
    records = _records(connection, name)
    uids = {record.uid for record in records if record.deleted}
    held = _held(connection, name)
    endpoint = rollout_rows.endpoint(connection, name)
    rollout = rollout_rows.active_rollout(connection, name)
    return Snapshot(
        name=name,
        records=records,
        rows=_rows(connection, name),
        stages={uid: slot for place, slot, uid in held if place == PlaceKind.STAGE.value},
        aliases=_aliases(connection, name),
        granted_aliases={
            slot: uid
            for place, slot, uid in held
            if place == PlaceKind.ALIAS.value and slot in GOVERNED_ALIASES
        },
        held_by_deleted=frozenset(
            uid for place, _, uid in held if uid in uids and place != PlaceKind.ENDPOINT.value
        ),
        in_rollout=frozenset(
            uid for uid in (rollout.candidate_uid, rollout.stable_uid) if uid is not None
        )
        if rollout
        else frozenset(),
        stable_uid=endpoint.stable_uid if endpoint else None,
    )


def names(connection: Connection) -> list[str]:
    """Return every model that MLflow or the platform has versions of."""
    recorded = select(_V.name).where(_V.deleted_ms.is_(None))
    registered = select(_MV.name).where(
        _MV.workspace == mlflow.WORKSPACE,
        _MV.current_stage != mlflow.DELETED,
        mlflow.HAS_FILES,
    )
    return sorted(connection.execute(recorded.union(registered)).scalars())


def _records(connection: Connection, name: str) -> list[Record]:
    columns = (
        _V.uid, _V.version, _V.created_ms, _V.semver, _V.major, _V.minor, _V.patch,
        _V.prerelease, _V.standing, _V.deleted_ms,
    )  # fmt: skip
    rows = connection.execute(select(*columns).where(_V.name == name))
    return [
        Record(
            uid=row.uid,
            number=row.version,
            created_ms=row.created_ms,
            semver=row.semver,
            parts=(row.major, row.minor, row.patch, row.prerelease),
            standing=Standing(row.standing),
            deleted=row.deleted_ms is not None,
        )
        for row in rows
    ]


def _rows(connection: Connection, name: str) -> dict[int, Row]:
    rows = connection.execute(
        select(_MV.version, _MV.creation_time, _MV.current_stage).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.current_stage != mlflow.DELETED,
            mlflow.HAS_FILES,
        )
    )
    return {row.version: Row(row.version, row.creation_time, row.current_stage) for row in rows}


def _aliases(connection: Connection, name: str) -> dict[str, int]:
    a = mlflow.aliases.c
    rows = connection.execute(
        select(func.lower(a.alias).label("alias"), a.version).where(
            a.workspace == mlflow.WORKSPACE, a.name == name
        )
    )
    return {row.alias: row.version for row in rows}


def _held(connection: Connection, name: str) -> list[tuple[str, str, str]]:
    rows = connection.execute(
        select(_T.place, _T.slot, _T.version_uid).where(_T.name == name, _T.to_ms.is_(None))
    )
    return [(row.place, row.slot, row.version_uid) for row in rows]
