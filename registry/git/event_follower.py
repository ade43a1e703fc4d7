"""Turns events of the audit trail into tags, and finds what no event reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from registry.domain.records import Event
from registry.domain.values import Stage
from registry.git.adapters import facts, findings
from registry.git.adapters.book import Book, Page, TagCause
from registry.git.adapters.facts import KnownVersion
from registry.git.domain import marks
from registry.git.domain.marks import TagMark
from registry.git.domain.names import NameRefusedError
from registry.governance.domain.governance import Governance

CREATED = "model_version.created"
ADOPTED = "model_version.adopted"
RENAMED = "model.renamed"
TYPES = frozenset(
    {
        CREATED,
        ADOPTED,
        "model_version.transitioned_stage",
        "model_version.deprecated",
        "model_version.yanked",
        "model_version.restored",
        "model_version.deleted",
        RENAMED,
    }
)
"""What the tags follow; every other event is none of git's business."""

ACTOR = "acgs"
"""Tagger of what no event asked for."""


@dataclass(slots=True)
class Follower:
    """Follows the audit trail inside one transaction that holds the planning lock."""

    connection: Connection
    book: Book
    governance: Governance

    def follow(self, event: Event) -> str:
        """Plan the tags of one event and return the result: done, ignored or refused."""
        if not self.governance.governs(event.name):
            return "ignored"
        try:
            return "done" if self._apply(event) else "ignored"
        except NameRefusedError as err:
            findings.name_refused(self.connection, event.name, err, self.book.now_ms)
            return "refused"

    def _apply(self, event: Event) -> bool:
        if event.type == RENAMED:
            return self._rename(event)
        if event.version is None:
            return False
        if event.type in (CREATED, ADOPTED):
            return self._begin(event)
        page = self._page(event)
        if page is None:
            return False
        self.book.mark(page, self._target(page, event), self._cause(event, page.uid))
        return True

    def _begin(self, event: Event) -> bool:
        if event.type == ADOPTED:
            # It may have stood in a stage for long before; moves after that are events too.
            known = facts.by_uid(self.connection, str(event.data.get("uid")))
            mark = TagMark.at(Stage.parse(str(event.data.get("stage"))))
        else:
            known, mark = facts.registered_at(self.connection, event), TagMark(True)
        if known is None or self.book.page(known.uid) is not None:
            return False
        self._open(known, event, mark)
        return True

    def _target(self, page: Page, event: Event) -> TagMark:
        mark = page.mark
        match event.type:
            case "model_version.deleted" | "model_version.yanked":
                return marks.GONE
            case "model_version.transitioned_stage" if mark.registered:
                return mark.moved(Stage.parse(str(event.data.get("to_stage", ""))))
            case "model_version.deprecated" if mark.registered:
                return TagMark(True, mark.stages | {marks.DEPRECATED})
            case "model_version.restored" if mark.registered:
                return TagMark(True, mark.stages - {marks.DEPRECATED})
            case _:
                # Back from having none: where it stands, only the registry knows.
                known = facts.by_uid(self.connection, page.uid)
                return mark if known is None else known.mark

    def _page(self, event: Event) -> Page | None:
        """Return the page that an event is about; begins one for a version not seen before."""
        number = int(event.version or 0)
        page = self.book.find(event.name, number)
        if page is not None:
            return page
        known = facts.live(self.connection, event.name, number)
        if known is None:
            return None
        return self.book.page(known.uid) or self._open(known, event, TagMark(True))

    def _open(self, known: KnownVersion, event: Event, mark: TagMark) -> Page:
        cause = self._cause(event, known.uid)
        # Under the name of that time: a later renaming is an event of its own.
        page = self.book.open(
            known.uid, event.name, known.number, known.semver, known.git_commit, cause
        )
        return self.book.mark(page, mark, cause)

    def _rename(self, event: Event) -> bool:
        pages = self.book.under(str(event.data.get("from_name", "")))
        for page in pages:
            self.book.restate(page, event.name, page.semver, self._cause(event, page.uid))
        return bool(pages)

    def _cause(self, event: Event, uid: str) -> TagCause:
        about = facts.by_uid(self.connection, uid)
        trailers = {
            **(about.trailers(event.name) if about else {"Acgs-Model": event.name}),
            **facts.verdict(self.connection, event.request_id),
            "Acgs-Actor": event.actor,
            "Acgs-Event": f"{event.id} {event.type}",
        }
        return TagCause(event.id, event.actor, event.at_ms // 1000, trailers)

    def settle(self) -> int:
        """Plan what the registry's state needs and no event reported; return how many differed.

        That is a version that was placed before it was governed, a name that is governed since a
        new constitution, a version that got a new number.
        """
        before = self.book.planned()
        pages = self.book.registered()
        living = set()
        for known in facts.all_live(self.connection):
            if not self.governance.governs(known.name):
                continue
            living.add(known.uid)
            try:
                self._settle_one(known, pages.get(known.uid))
            except NameRefusedError as err:
                findings.name_refused(self.connection, known.name, err, self.book.now_ms)
        for uid, page in pages.items():
            if uid not in living and facts.is_gone(self.connection, uid):
                self.book.mark(page, marks.GONE, self._own_cause(page.name, None))
        return self.book.planned() - before

    def _settle_one(self, known: KnownVersion, registered: Page | None) -> None:
        page = registered or self.book.page(known.uid)
        if page is None:
            if not known.mark.registered:
                return
            cause = self._own_cause(known.name, known)
            page = self.book.open(
                known.uid, known.name, known.number, known.semver, known.git_commit, cause
            )
        if (page.name, page.semver, page.mark) == (known.name, known.semver, known.mark):
            return
        cause = self._own_cause(known.name, known)
        if (page.name, page.semver) != (known.name, known.semver):
            page = self.book.restate(page, known.name, known.semver, cause)
        self.book.mark(page, known.mark, cause)

    def _own_cause(self, name: str, known: KnownVersion | None) -> TagCause:
        trailers: Mapping[str, object] = {
            **(known.trailers(name) if known else {"Acgs-Model": name}),
            "Acgs-Actor": ACTOR,
            "Acgs-Cause": "the registry's state",
        }
        return TagCause(None, ACTOR, self.book.now_ms // 1000, trailers)
