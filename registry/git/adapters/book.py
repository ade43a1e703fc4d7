"""Keeps in the database what the tags say; each change plans the tags for it.

All of it happens in the caller's transaction, which holds `lock`: two processes never plan at
the same time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, insert, select, update

from registry.git.adapters import tables
from registry.git.domain import marks, objects
from registry.git.domain.grammar import TagAction, TagName
from registry.git.domain.marks import TagMark, TagStep
from registry.git.domain.names import MAX_TAG_BYTES, NameRefusedError, to_artifact

_P = tables.page.c
_A = tables.artifact.c
_T = tables.tag.c
_VERBS = {
    TagAction.REGISTER: "Register",
    TagAction.DEREGISTER: "Deregister",
    TagAction.ASSIGN: "Assign {stage} to",
    TagAction.UNASSIGN: "Unassign {stage} from",
    TagAction.DEPRECATE: "Deprecate",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A version as its tags describe it.

    Attributes:
        id: of the page; a version gets another page when its name or number changes.
        name: model that its tags are under.
        number: MLflow's.
        last_seconds: time of its newest tag; the next one is later, since gto orders by time.
    """

    id: int
    uid: str
    name: str
    number: int
    semver: str
    code_commit: str | None
    artifact: str
    mark: TagMark
    last_seconds: int


@dataclass(frozen=True, slots=True)
class TagCause:
    """Says why tags are made.

    Attributes:
        event_id: of the audit event; None when the registry's state alone asks for it.
        actor: who acted, for the tagger's name.
        seconds: when, since the epoch.
        trailers: facts for the message.
    """

    event_id: int | None
    actor: str
    seconds: int
    trailers: Mapping[str, object]


def lock(connection: Connection) -> None:
    """Lock planning until the transaction ends."""
    s = tables.state
    connection.execute(update(s).where(s.c.id == 1).values(revision=s.c.revision + 1))


@dataclass(slots=True)
class Book:
    """Reads and changes the pages within one transaction."""

    connection: Connection
    email: str
    now_ms: int

    def page(self, uid: str) -> Page | None:
        """Return a version's newest page, by the version's identity."""
        query = select(tables.page).where(_P.uid == uid).order_by(_P.id.desc()).limit(1)
        row = self.connection.execute(query).one_or_none()
        return _page(row) if row else None

    def find(self, name: str, number: int) -> Page | None:
        """Return the version registered under a name and number."""
        query = select(tables.page).where(
            _P.name == name, _P.number == number, _P.registered.is_(True)
        )
        row = self.connection.execute(query).first()
        return _page(row) if row else None

    def under(self, name: str) -> list[Page]:
        """Return every version registered under a name, oldest first."""
        query = select(tables.page).where(_P.name == name, _P.registered.is_(True))
        return [_page(row) for row in self.connection.execute(query.order_by(_P.number))]

    def open(
        self,
        uid: str,
        name: str,
        number: int,
        semver: str,
        code_commit: str | None,
        cause: TagCause,
    ) -> Page:
        """Begin a version's page.

        Raises:
            NameRefusedError: no tag can hold its name.
        """
        artifact = to_artifact(name)
        # The longest of its tags, by which it is refused as a whole or not at all.
        longest = str(TagName(TagAction.DEREGISTER, artifact, version=semver, counter=10**9))
        if len(longest) > MAX_TAG_BYTES:
            raise NameRefusedError(
                f"expected at most {MAX_TAG_BYTES} bytes in a git tag, found {len(longest)} for "
                f"{name[:60]!r} {semver[:60]}",
                hint="rename the model, or leave it without tags: nothing else waits for it",
            )
        subject = objects.message(f"{name} {semver}", cause.trailers)
        result = self.connection.execute(
            insert(tables.page).values(
                uid=uid,
                name=name,
                number=number,
                semver=semver,
                artifact=artifact,
                code_commit=code_commit,
                subject=subject,
                created_seconds=cause.seconds,
                registered=False,
                stages="[]",
                last_seconds=0,
            )
        )
        key = result.inserted_primary_key
        if key is None:
            raise RuntimeError("the database returned no key for an inserted page")
        page_id = int(key[0])
        return Page(page_id, uid, name, number, semver, code_commit, artifact, marks.GONE, 0)

    def mark(self, page: Page, target: TagMark, cause: TagCause) -> Page:
        """Plan the tags that make a version's state `target`; nothing when it already is."""
        steps = list(marks.steps(page.mark, target))
        if not steps:
            return page
        artifact = self._artifact(page.artifact)
        seconds = max(cause.seconds, page.last_seconds + 1)
        if artifact.deprecated:
            # A tag that revives an artifact must be later than the tag that deprecated it.
            seconds = max(seconds, artifact.last_seconds + 1)
        for step in steps:
            self._plan(page, step, seconds, cause)
        self._touch(page.artifact, seconds, deprecated=False)
        changed = replace(page, mark=target, last_seconds=seconds)
        self.connection.execute(
            update(tables.page)
            .where(_P.id == page.id)
            .values(
                registered=target.registered,
                stages=json.dumps(sorted(target.stages)),
                last_seconds=seconds,
            )
        )
        if page.mark.registered and not target.registered:
            self._bury_if_empty(changed, cause)
        return changed

    def restate(self, page: Page, name: str, semver: str, cause: TagCause) -> Page:
        """Move a version's tags to another name or number: cancel the old ones, make new ones.

        It gets a commit of its own: gto reads no artifact two versions of which share one.

        Raises:
            NameRefusedError: no tag can hold the new name; the version then has none.
        """
        self.mark(page, marks.GONE, cause)
        fresh = self.open(page.uid, name, page.number, semver, page.code_commit, cause)
        return self.mark(fresh, page.mark, cause)

    def _bury_if_empty(self, page: Page, cause: TagCause) -> None:
        left = select(_P.uid).where(_P.artifact == page.artifact, _P.registered.is_(True)).limit(1)
        if self.connection.execute(left).first() is not None:
            return
        seconds = max(cause.seconds, self._artifact(page.artifact).last_seconds + 1)
        self._plan(page, TagStep(TagAction.DEPRECATE), seconds, cause)
        self._touch(page.artifact, seconds, deprecated=True)

    def _plan(self, page: Page, step: TagStep, seconds: int, cause: TagCause) -> None:
        version = page.semver if step.action in (TagAction.REGISTER, TagAction.DEREGISTER) else ""
        name = TagName(step.action, page.artifact, version, step.stage)
        if step.stage or self._taken(str(name)):
            name = replace(name, counter=self._count(page.artifact))
        verb = _VERBS[step.action].format(stage=step.stage)
        what = page.name if step.action is TagAction.DEPRECATE else f"{page.name} {page.semver}"
        self.connection.execute(
            insert(tables.tag).values(
                name=str(name),
                artifact=page.artifact,
                page_id=page.id,
                event_id=cause.event_id,
                action=step.action.value,
                stage=step.stage,
                counter=name.counter,
                tagged_seconds=seconds,
                tagger=objects.person(cause.actor, self.email, seconds),
                message=objects.message(f"{verb} {what}", cause.trailers),
                state="planned",
                created_ms=self.now_ms,
            )
        )

    def _taken(self, name: str) -> bool:
        query = select(_T.id).where(_T.name == name)
        return self.connection.execute(query).first() is not None

    def _count(self, artifact: str) -> int:
        """Return the artifact's next counter: gto counts over all stages of an artifact."""
        counter = self._artifact(artifact).counter + 1
        self.connection.execute(
            update(tables.artifact).where(_A.artifact == artifact).values(counter=counter)
        )
        return counter

    def _artifact(self, artifact: str) -> _Artifact:
        query = select(tables.artifact).where(_A.artifact == artifact)
        row = self.connection.execute(query).one_or_none()
        if row is None:
            self.connection.execute(
                insert(tables.artifact).values(
                    artifact=artifact, counter=0, last_seconds=0, deprecated=False
                )
            )
            return _Artifact(0, 0, False)
        return _Artifact(row.counter, row.last_seconds, row.deprecated)

    def _touch(self, artifact: str, seconds: int, *, deprecated: bool) -> None:
        before = self._artifact(artifact)
        self.connection.execute(
            update(tables.artifact)
            .where(_A.artifact == artifact)
            .values(last_seconds=max(seconds, before.last_seconds), deprecated=deprecated)
        )

    def another_name(self, tag_id: int, least: int) -> str:
        """Give a planned tag another counter, because a tag of its name already exists.

        Args:
            tag_id: of the planned tag.
            least: largest counter that the repository has for the artifact.

        Returns:
            The new name.
        """
        row = self.connection.execute(select(tables.tag).where(_T.id == tag_id)).one()
        counter = max(self._artifact(row.artifact).counter, least) + 1
        self.connection.execute(
            update(tables.artifact).where(_A.artifact == row.artifact).values(counter=counter)
        )
        semver = select(_P.semver).where(_P.id == row.page_id)
        action = TagAction(row.action)
        version = (
            str(self.connection.execute(semver).scalar_one())
            if action in (TagAction.REGISTER, TagAction.DEREGISTER)
            else ""
        )
        name = str(TagName(action, row.artifact, version, row.stage, counter))
        self.connection.execute(
            update(tables.tag)
            .where(_T.id == tag_id)
            .values(name=name, counter=counter, content=None, object_id=None)
        )
        return name

    def registered(self) -> dict[str, Page]:
        """Return every registered version by its identity."""
        rows = self.connection.execute(select(tables.page).where(_P.registered.is_(True)))
        return {row.uid: _page(row) for row in rows}

    def planned(self) -> int:
        """Return how many tags are not in the repository yet."""
        query = select(func.count()).where(_T.state == "planned")
        return int(self.connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class _Artifact:
    counter: int
    last_seconds: int
    deprecated: bool


def _page(row: object) -> Page:
    values = row._mapping  # type: ignore[attr-defined]
    return Page(
        id=values["id"],
        uid=values["uid"],
        name=values["name"],
        number=values["number"],
        semver=values["semver"],
        code_commit=values["code_commit"],
        artifact=values["artifact"],
        mark=TagMark(values["registered"], frozenset(json.loads(values["stages"]))),
        last_seconds=values["last_seconds"],
    )
