"""Reads and writes the rows of tags, and the results of the last attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from registry.git.adapters import tables
from registry.git.errors import GitError

_T, _P, _S = tables.tag.c, tables.page.c, tables.state.c

PLANNED, LOCAL, PUSHED = "planned", "local", "pushed"


@dataclass(frozen=True, slots=True)
class TagRow:
    """One of the platform's tags.

    Attributes:
        object_id: of the tag object, once it was made.
        content: of the tag object, with its signature, once it was made.
        commit_id: of its version's commit, once that was made.
    """

    id: int
    name: str
    artifact: str
    page_id: int
    event_id: int | None
    action: str
    stage: str
    tagged_seconds: int
    tagger: str
    message: str
    object_id: str | None
    content: str | None
    state: str
    local_ms: int | None
    commit_id: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """A version's own commit, already made or planned."""

    page_id: int
    code_commit: str | None
    subject: str
    created_seconds: int


@dataclass(frozen=True, slots=True)
class TagProgress:
    """The progress of the tags and the results of the last attempts; times in milliseconds."""

    cursor: int
    repository: str
    remote: str
    local_attempts: int
    local_next_ms: int
    local_error_code: str | None
    local_error: str | None
    push_attempts: int
    push_next_ms: int
    push_error_code: str | None
    push_error: str | None
    pushed_ms: int | None
    checked_ms: int | None


def standing(connection: Connection) -> TagProgress:
    """Return the one row of state."""
    row = connection.execute(select(tables.state).where(_S.id == 1)).one()
    values = {key: value for key, value in row._mapping.items() if key not in ("id", "revision")}
    return TagProgress(**values)


def set_state(connection: Connection, **values: Any) -> None:
    """Change the one row of state."""
    connection.execute(update(tables.state).where(_S.id == 1).values(**values))


def failed(
    connection: Connection, which: str, error: GitError, attempts: int, next_ms: int
) -> None:
    """Record that the repository (`local`) or the remote (`push`) could not be written."""
    set_state(
        connection,
        **{
            f"{which}_attempts": attempts,
            f"{which}_next_ms": next_ms,
            f"{which}_error_code": error.code,
            f"{which}_error": str(error),
        },
    )


def succeeded(connection: Connection, which: str, **more: Any) -> None:
    """Clear the failures of the repository (`local`) or the remote (`push`)."""
    cleared = {
        f"{which}_attempts": 0,
        f"{which}_next_ms": 0,
        f"{which}_error_code": None,
        f"{which}_error": None,
    }
    set_state(connection, **cleared, **more)


def _tags() -> Select[Any]:
    return select(
        _T.id,
        _T.name,
        _T.artifact,
        _T.page_id,
        _T.event_id,
        _T.action,
        _T.stage,
        _T.tagged_seconds,
        _T.tagger,
        _T.message,
        _T.object_id,
        _T.content,
        _T.state,
        _T.local_ms,
        _P.commit_id,
    ).join(tables.page, _T.page_id == _P.id)


def _tag(row: Row[Any]) -> TagRow:
    return TagRow(**row._mapping)


def in_state(connection: Connection, state: str, limit: int, after_id: int = 0) -> list[TagRow]:
    """Return the next tags in a state, oldest first."""
    query = _tags().where(_T.state == state, _T.id > after_id).order_by(_T.id).limit(limit)
    return [_tag(row) for row in connection.execute(query)]


def made(connection: Connection) -> dict[str, str]:
    """Return the object id of every tag that was written to the repository, by name."""
    query = select(_T.name, _T.object_id).where(_T.state.in_([LOCAL, PUSHED]))
    return {row.name: row.object_id for row in connection.execute(query)}


def pushed(connection: Connection) -> dict[str, str]:
    """Return the object id of every tag that was pushed to the remote, by name."""
    query = select(_T.name, _T.object_id).where(_T.state == PUSHED)
    return {row.name: row.object_id for row in connection.execute(query)}


def by_names(connection: Connection, names: Sequence[str]) -> list[TagRow]:
    """Return tags by their names."""
    found = []
    for start in range(0, len(names), 500):
        query = _tags().where(_T.name.in_(names[start : start + 500])).order_by(_T.id)
        found += [_tag(row) for row in connection.execute(query)]
    return found


def names(connection: Connection) -> frozenset[str]:
    """Return the names of all the platform's tags, made or planned."""
    return frozenset(connection.execute(select(_T.name)).scalars())


def commits_to_make(connection: Connection, page_ids: Iterable[int]) -> list[Commit]:
    """Return those of these versions that have no commit yet."""
    query = select(_P.id, _P.code_commit, _P.subject, _P.created_seconds).where(
        _P.id.in_(sorted(set(page_ids))), _P.commit_id.is_(None)
    )
    rows = connection.execute(query.order_by(_P.id))
    return [Commit(row.id, row.code_commit, row.subject, row.created_seconds) for row in rows]


def keep_commits(connection: Connection, made: Mapping[int, tuple[str, bytes]]) -> None:
    """Record the commit of each version, unless another process was first."""
    for page_id, (commit_id, content) in made.items():
        connection.execute(
            update(tables.page)
            .where(_P.id == page_id, _P.commit_id.is_(None))
            .values(commit_id=commit_id, commit_content=content.decode())
        )


def commit_ids(connection: Connection, page_ids: Iterable[int]) -> dict[int, str]:
    """Return the commit of each of these versions that has one."""
    query = select(_P.id, _P.commit_id).where(
        _P.id.in_(sorted(set(page_ids))), _P.commit_id.is_not(None)
    )
    return {row.id: row.commit_id for row in connection.execute(query)}


def commit_contents(connection: Connection, page_ids: Iterable[int]) -> dict[str, bytes]:
    """Return the content of versions' commits by object id."""
    query = select(_P.commit_id, _P.commit_content).where(
        _P.id.in_(sorted(set(page_ids))), _P.commit_id.is_not(None)
    )
    return {row.commit_id: row.commit_content.encode() for row in connection.execute(query)}


def keep_objects(connection: Connection, made: Mapping[int, tuple[str, bytes]]) -> None:
    """Record each tag's object, unless another process was first."""
    for tag_id, (object_id, content) in made.items():
        connection.execute(
            update(tables.tag)
            .where(_T.id == tag_id, _T.object_id.is_(None))
            .values(object_id=object_id, content=content.decode())
        )


def advance(connection: Connection, ids: Sequence[int], state: str, now_ms: int) -> None:
    """Move tags to a later state; tags already in it are unchanged."""
    before = PLANNED if state == LOCAL else LOCAL
    moment = {"local_ms": now_ms} if state == LOCAL else {"pushed_ms": now_ms}
    statement = (
        update(tables.tag)
        .where(_T.id == bindparam("key"), _T.state == before)
        .values(state=state, **moment)
    )
    if ids:
        connection.execute(statement, [{"key": tag_id} for tag_id in ids])


def counts(connection: Connection) -> dict[str, int]:
    """Return how many tags are in each state."""
    query = select(_T.state, func.count()).group_by(_T.state)
    found = {state: int(count) for state, count in connection.execute(query)}
    return {state: found.get(state, 0) for state in (PLANNED, LOCAL, PUSHED)}


def oldest_ms(connection: Connection, states: Sequence[str]) -> int | None:
    """Return when the oldest tag in one of these states was planned; None if there is none."""
    return connection.execute(select(func.min(_T.created_ms)).where(_T.state.in_(states))).scalar()
