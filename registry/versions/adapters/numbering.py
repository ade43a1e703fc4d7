"""Reads `acgs_version` by precedence: what a new number derives from, what a range means."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, exists, or_, select, tuple_

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.adapters.version_rows import version_record
from registry.domain.records import VersionRecord
from registry.domain.values import Standing

_V = tables.version.c
_MV = mlflow.model_versions.c
_UNUSABLE = (
    _V.deleted_ms.is_(None),
    or_(_V.prerelease.is_not(None), _V.standing == Standing.YANKED.value),
)

_PRERELEASES = select(_V.semver).where(_V.name == bindparam("model"), _V.prerelease.is_not(None))
_PRERELEASES_ABOVE = _PRERELEASES.where(
    tuple_(_V.major, _V.minor, _V.patch)
    > tuple_(bindparam("major"), bindparam("minor"), bindparam("patch"))
)


def predecessor(connection: Connection, name: str) -> VersionRecord | None:
    """Return the version registered last under a name, deleted or not."""
    row = connection.execute(
        select(tables.version)
        .where(_V.name == name)
        .order_by(_V.created_ms.desc(), _V.version.desc())
        .limit(1)
    ).one_or_none()
    return version_record(row) if row else None


def highest_release(connection: Connection, name: str) -> VersionRecord | None:
    """Return the release of highest precedence ever registered under a name, deleted or not.

    Deleted ones count, so that no semantic version is ever used twice under one name.
    """
    row = connection.execute(
        select(tables.version)
        .where(_V.name == name, _V.prerelease.is_(None))
        .order_by(_V.major.desc(), _V.minor.desc(), _V.patch.desc())
        .limit(1)
    ).one_or_none()
    return version_record(row) if row else None


def release_with_files(connection: Connection, candidate: VersionRecord) -> VersionRecord | None:
    """Return the first live release with a candidate's files that was registered after it."""
    row = connection.execute(
        select(tables.version)
        .where(
            _V.name == candidate.name,
            _V.prerelease.is_(None),
            _V.deleted_ms.is_(None),
            _V.version > candidate.version,
            _V.source == candidate.source,
            _V.manifest_digest == candidate.manifest_digest,
        )
        .order_by(_V.version)
        .limit(1)
    ).one_or_none()
    return version_record(row) if row else None


def prereleases_above(
    connection: Connection, name: str, release: tuple[int, int, int] | None
) -> list[str]:
    """Return the pre-releases of a name that no release has caught up with, deleted or not.

    Args:
        connection: any.
        name: registered model.
        release: numbers of the highest release; None without one.
    """
    if release is None:
        return list(connection.execute(_PRERELEASES, {"model": name}).scalars())
    major, minor, patch = release
    known = {"model": name, "major": major, "minor": minor, "patch": patch}
    return list(connection.execute(_PRERELEASES_ABOVE, known).scalars())


def highest_in(
    connection: Connection, name: str, major: int | None, minor: int | None
) -> VersionRecord | None:
    """Return the highest live release within a range; never a pre-release or a yanked one."""
    query = select(tables.version).where(
        _V.name == name,
        _V.deleted_ms.is_(None),
        _V.prerelease.is_(None),
        _V.standing != Standing.YANKED.value,
    )
    if major is not None:
        query = query.where(_V.major == major)
    if minor is not None:
        query = query.where(_V.minor == minor)
    row = connection.execute(
        query.order_by(_V.major.desc(), _V.minor.desc(), _V.patch.desc()).limit(1)
    ).one_or_none()
    return version_record(row) if row else None


def unusable_among(connection: Connection, name: str, numbers: Sequence[int]) -> set[int]:
    """Return those of the numbers that are pre-releases or yanked."""
    query = select(_V.version).where(_V.name == name, _V.version.in_(numbers), *_UNUSABLE)
    return set(connection.execute(query).scalars())


def newest_usable_in_stage(connection: Connection, name: str, stage: str) -> int | None:
    """Return the highest number in a stage that is not a pre-release and not yanked."""
    unfit = exists().where(_V.name == _MV.name, _V.version == _MV.version, *_UNUSABLE)
    return connection.execute(
        select(_MV.version)
        .where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.name == name,
            _MV.current_stage == stage,
            ~unfit,
        )
        .order_by(_MV.version.desc())
        .limit(1)
    ).scalar()
