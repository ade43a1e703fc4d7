"""Reads what the registry knows about a version, as far as its tags show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select

from registry.adapters import mlflow_tables as mlflow
from registry.adapters import tables
from registry.domain.records import Event
from registry.domain.values import Stage, shown_score
from registry.git.adapters import rows as tag_rows
from registry.git.adapters import tables as git
from registry.git.domain import marks
from registry.git.domain.grammar import TagAction
from registry.git.domain.marks import TagMark

_V = tables.version.c
_MV = mlflow.model_versions.c


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version as the registry now knows it.

    Attributes:
        mark: what its tags should say; nothing for one that is deleted or yanked.
        git_commit: of the code, as its run says.
    """

    uid: str
    name: str
    number: int
    semver: str
    git_commit: str | None
    run_id: str | None
    dataset_digest: str | None
    manifest_digest: str | None
    mark: TagMark

    def trailers(self, name: str) -> dict[str, object]:
        """Return the facts as a message's trailers; `name` is the model's name at that time."""
        return {
            "Acgs-Model": name,
            "Acgs-Version": self.semver,
            "Mlflow-Version": self.number,
            "Acgs-Version-Uid": self.uid,
            "Acgs-Manifest": self.manifest_digest,
            "Acgs-Dataset": self.dataset_digest,
            "Code-Commit": self.git_commit,
            "Mlflow-Run": self.run_id,
        }


def _versions() -> Select[Any]:
    columns = [column for column in tables.version.columns if column.name != "signature"]
    here = and_(_MV.workspace == mlflow.WORKSPACE, _MV.name == _V.name, _MV.version == _V.version)
    return select(*columns, _MV.current_stage).join_from(
        tables.version, mlflow.model_versions, here, isouter=True
    )


def _known(row: Row[Any]) -> KnownVersion:
    values = row._mapping
    standing = str(values.get("standing", "active"))
    stage = Stage.parse(values["current_stage"] or "")
    gone = values["deleted_ms"] is not None or stage is None or standing == "yanked"
    mark = marks.GONE if gone else TagMark.at(stage, deprecated=standing == "deprecated")
    return KnownVersion(
        uid=values["uid"],
        name=values["name"],
        number=values["version"],
        semver=values["semver"],
        git_commit=values["git_commit"],
        run_id=values["run_id"],
        dataset_digest=values["dataset_digest"],
        manifest_digest=values["manifest_digest"],
        mark=mark,
    )


def by_uid(connection: Connection, uid: str) -> KnownVersion | None:
    """Return a version by its identity, deleted or not."""
    row = connection.execute(_versions().where(_V.uid == uid)).one_or_none()
    return _known(row) if row else None


def live(connection: Connection, name: str, number: int) -> KnownVersion | None:
    """Return a version that is not deleted, by MLflow's number."""
    query = _versions().where(_V.name == name, _V.version == number, _V.deleted_ms.is_(None))
    row = connection.execute(query).one_or_none()
    return _known(row) if row else None


def all_live(connection: Connection) -> Iterator[KnownVersion]:
    """Yield every version that is not deleted, in the order of registration."""
    query = _versions().where(_V.deleted_ms.is_(None)).order_by(_V.created_ms, _V.version)
    return (_known(row) for row in connection.execute(query).all())


def untagged(connection: Connection, governs: Callable[[str], bool]) -> int:
    """Return how many governed versions have no tag in the repository; a yanked one needs none.

    A version that plain MLflow registered has none before the back-fill numbered it.
    """
    tagged = exists().where(
        git.page.c.uid == _V.uid,
        git.page.c.registered.is_(True),
        git.tag.c.page_id == git.page.c.id,
        git.tag.c.action == TagAction.REGISTER.value,
        git.tag.c.state != tag_rows.PLANNED,
    )
    recorded = and_(_V.name == _MV.name, _V.version == _MV.version, _V.deleted_ms.is_(None))
    query = (
        select(_MV.name, func.count())
        .join_from(mlflow.model_versions, tables.version, recorded, isouter=True)
        .where(
            _MV.workspace == mlflow.WORKSPACE,
            _MV.current_stage != mlflow.DELETED,
            mlflow.HAS_FILES,
            or_(_V.uid.is_(None), _V.standing != "yanked"),
            ~tagged,
        )
        .group_by(_MV.name)
    )
    return sum(count for name, count in connection.execute(query) if governs(name))


def is_gone(connection: Connection, uid: str) -> bool:
    """Return whether a version was deleted or is no longer known."""
    known = by_uid(connection, uid)
    return known is None or not known.mark.registered


def registered_at(connection: Connection, event: Event) -> KnownVersion | None:
    """Return the version whose registration an event describes.

    Its model may have been renamed and the version deleted since, so it is found by its number,
    the time of its creation and its semantic version where its name has changed since.
    """
    then = _versions().where(_V.version == event.version, _V.created_ms == event.at_ms)
    named = [_known(row) for row in connection.execute(then.where(_V.name == event.name))]
    if named:
        return named[0]
    semver = event.data.get("semver")
    rows = [_known(row) for row in connection.execute(then)]
    alike = [known for known in rows if semver is None or known.semver == semver]
    return alike[0] if len(alike) == 1 else None


def verdict(connection: Connection, request_id: int | None) -> dict[str, object]:
    """Return, as trailers, what was requested and concluded; nothing without a request."""
    if request_id is None:
        return {}
    r, s = tables.request.c, tables.scorecard.c
    query = (
        select(r.id, r.decision, s.score, s.passed, s.target, s.constitution_digest)
        .join_from(tables.request, tables.scorecard, r.scorecard_id == s.id, isouter=True)
        .where(r.id == request_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None or row.score is None:
        return {"Acgs-Request": request_id}
    outcome = "passed" if row.passed else "failed"
    return {
        "Acgs-Request": request_id,
        "Acgs-Verdict": f"{outcome} for {row.target}, score {shown_score(row.score)}",
        "Acgs-Constitution": row.constitution_digest,
    }
