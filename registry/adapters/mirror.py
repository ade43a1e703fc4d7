"""Shows governance in MLflow's own pages: `acgs.*` tags and a line under each description.

A mirror, never the truth: decisions read the platform's tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from sqlalchemy import Connection, and_, bindparam, delete, exists, insert, select, update

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.records import VersionRecord
from registry.domain.values import Standing

DESCRIPTION_LIMIT = 5000
STANDING = "acgs.standing"
"""Tag that says that a version is deprecated or yanked, and why."""
REPORT = "report.html"
SHOWN = "acgs.version"
"""Tag of a version that shows its record."""
TAGS = (
    SHOWN, STANDING, "acgs.bump", "acgs.digest", "acgs.score", "acgs.verdict", "acgs.request",
    "acgs.rollout", "acgs.report", "acgs.artifact",
)  # fmt: skip
"""Every tag that is written here."""
MARK = "**Governance** "
"""What the line under a description begins with."""
_RULE = "\n\n---\n"
_BLOCK = re.compile(r"(?:\n{0,2}---\n|\A)\*\*Governance\*\* [^\n]*")


_MV = mlflow.model_versions.c
# Made once: to make them costs as much as to carry them out.
_ADD_TAG = insert(mlflow.model_version_tags)
_DESCRIBE = (
    update(mlflow.model_versions)
    .where(
        _MV.workspace == mlflow.WORKSPACE,
        _MV.name == bindparam("model"),
        _MV.version == bindparam("number"),
    )
    .values(description=bindparam("text"))
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What MLflow's pages show of a version since a moment ago."""

    tags: Mapping[str, str] = field(hash=False)
    description: str


def own_words(description: str) -> str:
    """Return a version's description without the platform's line."""
    return _BLOCK.sub("", description)


def set_tags(connection: Connection, name: str, version: int, tags: Mapping[str, str]) -> None:
    """Set version tags and refresh the description's line, in the caller's transaction.

    A tag with an empty value is removed.
    """
    t = mlflow.model_version_tags.c
    connection.execute(
        delete(mlflow.model_version_tags).where(
            t.workspace == mlflow.WORKSPACE,
            t.name == name,
            t.version == version,
            t.key.in_(list(tags)),
        )
    )
    here = {"workspace": mlflow.WORKSPACE, "name": name, "version": version}
    wanted = [{**here, "key": key, "value": value} for key, value in tags.items() if value]
    if wanted:
        connection.execute(insert(mlflow.model_version_tags), wanted)
    refresh_description(connection, name, version)


def show(connection: Connection, record: VersionRecord) -> None:
    """Show a version's semantic version, the reason for that number, and its digest."""
    set_tags(connection, record.name, record.version, _tags_of(record))


def show_new(connection: Connection, record: VersionRecord, words: str) -> Shown:
    """Show a version that was just made, which nothing is shown of yet.

    Args:
        connection: of the transaction that made it.
        record: of the version.
        words: its description so far.
    """
    tags = _tags_of(record)
    here = {"workspace": mlflow.WORKSPACE, "name": record.name, "version": record.version}
    connection.execute(_ADD_TAG, [{**here, "key": key, "value": tags[key]} for key in tags])
    text = _described(own_words(words), tags, record.name, record.version)
    if text != words:
        at = {"model": record.name, "number": record.version, "text": text}
        connection.execute(_DESCRIBE, at)
    return Shown(tags, text)


def _tags_of(record: VersionRecord) -> dict[str, str]:
    tags = {SHOWN: record.semver, "acgs.bump": f"{record.bump}: {record.reason}"}
    if record.standing is not Standing.ACTIVE:
        tags[STANDING] = f"{record.standing.value}: {record.standing_reason}"
    if record.manifest_digest:
        tags["acgs.digest"] = record.manifest_digest
    return tags


def is_shown(connection: Connection, record: VersionRecord) -> bool:
    """Return whether MLflow's pages show a version's record; the back-fill shows none."""
    t = mlflow.model_version_tags.c
    return bool(
        connection.execute(
            select(t.key).where(
                t.workspace == mlflow.WORKSPACE,
                t.name == record.name,
                t.version == record.version,
                t.key == SHOWN,
            )
        ).scalar()
    )


def unshown(connection: Connection, name: str, after: int, limit: int) -> list[int]:
    """Return the numbers of recorded versions whose pages do not show it, oldest first."""
    v, t = tables.version.c, mlflow.model_version_tags.c
    shown = exists().where(
        t.workspace == mlflow.WORKSPACE, t.name == v.name, t.version == v.version, t.key == SHOWN
    )
    return list(
        connection.execute(
            select(v.version)
            .where(v.name == name, v.deleted_ms.is_(None), v.version > after, ~shown)
            .order_by(v.version)
            .limit(limit)
        ).scalars()
    )


def refresh_description(connection: Connection, name: str, version: int) -> str:
    """Rewrite the platform's line under a version's description, and return the whole description.

    A person's words are never cut: where they leave no room, the line ends earlier or goes.
    """
    v, t = mlflow.model_versions.c, mlflow.model_version_tags.c
    here = and_(v.workspace == mlflow.WORKSPACE, v.name == name, v.version == version)
    rows = connection.execute(
        select(v.description, t.key, t.value)
        .outerjoin_from(
            mlflow.model_versions,
            mlflow.model_version_tags,
            and_(
                t.workspace == v.workspace,
                t.name == v.name,
                t.version == v.version,
                t.key.in_(TAGS),
            ),
        )
        .where(here)
    ).all()
    description = (rows[0].description if rows else None) or ""
    tags = {row.key: row.value for row in rows if row.key is not None}
    text = _described(own_words(description), tags, name, version)
    if text != description:
        connection.execute(update(mlflow.model_versions).where(here).values(description=text))
    return text


def _described(words: str, tags: Mapping[str, str], name: str, version: int) -> str:
    line = _line(tags, lineage_page(name, version), DESCRIPTION_LIMIT - len(_RULE) - len(words))
    return _RULE.join(part for part in (words, line) if part)


def report_page(connection: Connection, run_id: str) -> str | None:
    """Return the report's place in MLflow's UI, valid under whatever host serves that UI."""
    r = mlflow.runs.c
    experiment_id = connection.execute(select(r.experiment_id).where(r.run_uuid == run_id)).scalar()
    if experiment_id is None:
        return None
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{REPORT}"


def lineage_page(name: str, version: int) -> str:
    """Return the place of a version's lineage page, relative to the server's root."""
    return f"acgs/lineage/{quote(name, safe='')}/{version}"


def request_page(request_id: int) -> str:
    """Return the place of a request's page, relative to the server's root."""
    return f"acgs/requests/{request_id}"


def request_link(told: str) -> str:
    """Return the tag of a request, `42: open`, with its number as a link to its page."""
    number, _, state = told.partition(":")
    if not number.isascii() or not number.isdigit():
        return f"request {told}"
    return f"request [{number}]({request_page(int(number))}):{state}"


def _line(tags: Mapping[str, str], lineage: str, room: int) -> str:
    parts = [f"version `{tags['acgs.version']}`"] if "acgs.version" in tags else []
    if STANDING in tags:
        standing, _, why = tags[STANDING].partition(": ")
        parts.append(f"**{standing}**: {why}")
    if "acgs.verdict" in tags:
        parts.append(f"{tags['acgs.verdict']}, score **{tags.get('acgs.score', 'no data')}**")
    if "acgs.request" in tags:
        parts.append(request_link(tags["acgs.request"]))
    if "acgs.rollout" in tags:
        parts.append(f"rollout {tags['acgs.rollout']}")
    if "acgs.artifact" in tags:
        parts.append(f"files **{tags['acgs.artifact']}**")
    if "acgs.report" in tags:
        parts.append(f"[report]({tags['acgs.report']})")
    if parts:
        parts.append(f"[lineage]({lineage}) ![lineage]({lineage}/picture.svg)")
    while parts and len(line := MARK + " · ".join(parts)) > room:
        parts.pop()
    return line if parts else ""
