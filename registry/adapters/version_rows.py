"""Reads rows of `acgs_version` as records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.records import VersionRecord
from registry.domain.signature import Signature
from registry.domain.values import (
    SignatureOrigin,
    Standing,
)
from registry.errors import UnknownVersionError

_V = tables.version.c
_MV = mlflow.model_versions.c


def version_record(row: Row[Any]) -> VersionRecord:
    """Build a record from a row of `acgs_version`."""
    values = dict(row._mapping)
    raw, origin = values.pop("signature"), values.pop("signature_origin")
    return VersionRecord(
        **{**values, "standing": Standing(values["standing"])},
        signature=Signature.from_json(raw) if raw else None,
        signature_origin=SignatureOrigin(origin) if origin else None,
    )


def version_by_uid(connection: Connection, uid: str) -> VersionRecord | None:
    """Return a version by its identity, deleted or not."""
    row = connection.execute(select(tables.version).where(_V.uid == uid)).one_or_none()
    return version_record(row) if row else None


def require(connection: Connection, uid: str) -> VersionRecord:
    """Return a version by its identity, deleted or not.

    Raises:
        UnknownVersionError: no version has this identity.
    """
    record = version_by_uid(connection, uid)
    if record is None:
        raise UnknownVersionError(f"expected a version with identity {uid}, found none")
    return record


def live_version(connection: Connection, name: str, number: int) -> VersionRecord | None:
    """Return a version that is not deleted, by MLflow's number."""
    row = connection.execute(
        select(tables.version).where(_V.name == name, _V.version == number, _V.deleted_ms.is_(None))
    ).one_or_none()
    return version_record(row) if row else None


def live_semver(connection: Connection, name: str, semver: str) -> VersionRecord | None:
    """Return a version that is not deleted, by semantic version."""
    row = connection.execute(
        select(tables.version).where(_V.name == name, _V.semver == semver, _V.deleted_ms.is_(None))
    ).one_or_none()
    return version_record(row) if row else None


def semvers(connection: Connection, name: str, limit: int) -> tuple[list[str], int]:
    """Return the newest semantic versions of a model, and how many there are."""
    live = (_V.name == name, _V.deleted_ms.is_(None))
    newest = select(_V.semver).where(*live).order_by(_V.version.desc()).limit(limit)
    count = select(func.count()).select_from(tables.version).where(*live)
    return list(connection.execute(newest).scalars()), connection.execute(count).scalar_one()


def source_of(connection: Connection, name: str, number: int) -> str | None:
    """Return a live version's registration source as MLflow has it; None if there is none."""
    return connection.execute(
        select(_MV.source).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.version == number,
            _MV.current_stage != mlflow.DELETED,
        )
    ).scalar()


def location_of(connection: Connection, name: str, number: int) -> str | None:
    """Return where MLflow reads a live version's files; None if there is no such version.

    Its source may name another version, by a name that no longer exists.
    """
    return connection.execute(
        select(mlflow.LOCATION).where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.version == number,
            _MV.current_stage != mlflow.DELETED,
        )
    ).scalar()
