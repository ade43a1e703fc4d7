"""What MLflow and the platform know of a version that is about to be recorded.

One statement, which is made once: to make it costs as much as to ask.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, String, bindparam, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.signature import Signature
from registry.versions.adapters import run_facts

_MODEL = bindparam("model", type_=String)
_V = tables.version.c
_MV = mlflow.model_versions.c
_R = tables.version.alias("release").c


@dataclass(frozen=True, slots=True)
class Release:
    """The release of highest precedence under a name, deleted or not."""

    semver: str
    signature: Signature | None
    core: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """MLflow's row of a version, and what its number is derived from.

    Attributes:
        commit, dataset: of its run, if MLflow recorded them.
        before: None if the name has had no release.
        predecessor_uid: version that was registered last under the name, deleted or not.
    """

    name: str
    version: int
    created_ms: int
    source: str
    run_id: str | None
    stage: str
    commit: str | None
    dataset: str | None
    before: Release | None
    predecessor_uid: str | None


_HIGHEST = (
    select(_V.uid)
    .where(_V.name == _MODEL, _V.prerelease.is_(None))
    .order_by(_V.major.desc(), _V.minor.desc(), _V.patch.desc())
    .limit(1)
    .scalar_subquery()
)
_LAST = (
    select(_V.uid)
    .where(_V.name == _MODEL)
    .order_by(_V.created_ms.desc(), _V.version.desc())
    .limit(1)
    .scalar_subquery()
)
_QUERY = (
    select(
        _MV.version,
        _MV.creation_time,
        _MV.source,
        _MV.run_id,
        _MV.current_stage,
        run_facts.commit_of(_MV.run_id).label("commit"),
        run_facts.dataset_of(_MV.run_id).label("dataset"),
        _R.semver,
        _R.signature,
        _R.major,
        _R.minor,
        _R.patch,
        _LAST.label("predecessor_uid"),
    )
    .select_from(mlflow.model_versions.outerjoin(_R.uid.table, _R.uid == _HIGHEST))
    .where(_MV.workspace == mlflow.WORKSPACE, _MV.name == _MODEL)
)
_NEWEST = _QUERY.order_by(_MV.version.desc()).limit(1)
_NUMBERED = _QUERY.where(_MV.version == bindparam("number"))


def read(connection: Connection, name: str, number: int | None) -> Known:
    """Return what is known of a version that MLflow has.

    Args:
        connection: of the transaction that records it.
        name: registered model.
        number: MLflow's; None means the highest.
    """
    if number is None:
        row = connection.execute(_NEWEST, {"model": name}).one()
    else:
        row = connection.execute(_NUMBERED, {"model": name, "number": number}).one()
    before = None
    if row.semver is not None:
        signature = Signature.from_json(row.signature) if row.signature else None
        before = Release(row.semver, signature, (row.major, row.minor, row.patch))
    return Known(
        name=name,
        version=row.version,
        created_ms=row.creation_time,
        source=str(row.source),
        run_id=row.run_id,
        stage=row.current_stage,
        commit=run_facts.plain_commit(row.commit),
        dataset=run_facts.plain_digest(row.dataset),
        before=before,
        predecessor_uid=row.predecessor_uid,
    )
