"""Gathers what MLflow and the platform know of a version, for a comparison."""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement
from sqlalchemy import Connection, select

from registry.adapters import mlflow_tables as mlflow
from registry.domain.records import VersionRecord
from registry.domain.values import RESERVED_TAG_PREFIX
from registry.files.adapters import manifests
from registry.stages.adapters import positions
from registry.versions.domain.difference import ComparedVersion

REQUIREMENTS = "requirements.txt"
_COMMENT = re.compile(r"(?:^|\s)#.*$")


def gather(
    connection: Connection, record: VersionRecord, requirements: Mapping[str, str]
) -> ComparedVersion:
    """Return a version in the form that a comparison needs.

    Args:
        connection: any.
        record: the version.
        requirements: of its model, as far as they could be read.
    """
    position = positions.position(connection, record)
    return ComparedVersion(
        semver=record.semver,
        signature=record.signature,
        facts={
            "stage": position.stage.value if position.stage else None,
            "aliases": " ".join(position.aliases) or None,
            "standing": record.standing.value,
            "run": record.run_id,
            "commit": record.git_commit,
            "manifest": record.manifest_digest,
            "source": record.source,
        },
        params=_params(connection, record),
        metrics=_metrics(connection, record),
        datasets=_datasets(connection, record),
        requirements=requirements,
        files=_files(connection, record),
        tags={
            key: value
            for key, value in position.tags.items()
            if not key.startswith(RESERVED_TAG_PREFIX)
        },
    )


def read_requirements(text: str) -> dict[str, str]:
    """Return the specifier of each package that a requirements file names.

    What is no plain requirement (a URL, an option) is kept as it stands.
    """
    found = {}
    for line in text.splitlines():
        bare = _COMMENT.sub("", line).strip()
        if not bare:
            continue
        try:
            requirement = Requirement(bare)
        except InvalidRequirement:
            found[bare] = ""
            continue
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        pinned = requirement.url or str(requirement.specifier) or "any"
        found[f"{requirement.name.lower()}{extras}"] = f"{pinned}{marker}"
    return found


def _params(connection: Connection, record: VersionRecord) -> dict[str, str]:
    p, lp = mlflow.params.c, mlflow.logged_model_params.c
    found = {}
    if record.run_id:
        query = select(p.key, p.value).where(p.run_uuid == record.run_id)
        found.update({row.key: row.value for row in connection.execute(query)})
    if record.model_id:
        rows = connection.execute(
            select(lp.param_key, lp.param_value).where(lp.model_id == record.model_id)
        )
        found.update({row.param_key: row.param_value for row in rows})
    return found


def _metrics(connection: Connection, record: VersionRecord) -> dict[str, float]:
    m, lm = mlflow.latest_metrics.c, mlflow.logged_model_metrics.c
    found = {}
    if record.run_id:
        rows = connection.execute(
            select(m.key, m.value, m.is_nan).where(m.run_uuid == record.run_id)
        )
        found.update({r.key: float("nan") if r.is_nan else float(r.value) for r in rows})
    if record.model_id:
        rows = connection.execute(
            select(lm.metric_name, lm.metric_value)
            .where(lm.model_id == record.model_id, lm.metric_value.is_not(None))
            .order_by(lm.metric_timestamp_ms, lm.metric_step)
        )
        found.update({row.metric_name: float(row.metric_value) for row in rows})
    return found


def _datasets(connection: Connection, record: VersionRecord) -> dict[str, str]:
    if record.run_id is None:
        return {}
    i, d = mlflow.inputs.c, mlflow.datasets.c
    rows = connection.execute(
        select(d.name, d.digest)
        .join(mlflow.inputs, i.source_id == d.dataset_uuid)
        .where(
            i.source_type == "DATASET",
            i.destination_type == "RUN",
            i.destination_id == record.run_id,
        )
        .order_by(d.name, d.digest)
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row.digest)
    return {name: " ".join(digests) for name, digests in found.items()}


def _files(connection: Connection, record: VersionRecord) -> dict[str, str]:
    manifest = manifests.find(connection, record.manifest_digest)
    return {file.path: file.sha256 for file in manifest.files} if manifest else {}
