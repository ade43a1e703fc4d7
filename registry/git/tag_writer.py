"""Creates planned tags exactly once, even if the process is killed midway.

What a tag says is in the database before its ref is made, signature included, so a second attempt
makes the very same object, finds the ref in place and goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Engine, update

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.git.adapters import book as books
from registry.git.adapters import findings, rows, tables, turns
from registry.git.adapters.book import Book
from registry.git.adapters.findings import FindingKind, FindingPlace, Found
from registry.git.adapters.repository import Ref, Repository
from registry.git.adapters.rows import TagRow
from registry.git.adapters.signing import signer
from registry.git.domain import grammar, objects
from registry.git.errors import GitError
from registry.git.settings import GitSettings

BATCH = 200
PACK_AT = 100
"""Refs made in one go from which on they are packed: thousands of small files are slow to list."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Written:
    """The result of one attempt to write."""

    made: int = 0
    error: GitError | None = None
    renamed: set[int] = field(default_factory=set)
    """Tags of the last batch whose name was taken by somebody."""
    lost: dict[str, str] = field(default_factory=dict)
    """Commits that cannot be made again, with the objects that they need."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes to one repository."""

    engine: Engine
    repository: Repository
    settings: GitSettings
    report: Callable[[str, int], None] = lambda _work, _count: None

    def write(self, now: datetime) -> Written:
        """Write every planned tag that can be made; the others wait.

        Raises:
            GitError: the repository as a whole cannot be used; nothing is lost.
        """
        self._recognise(self.repository.identity())
        done = Written()
        after_id = 0
        while self._next(after_id):
            with turns.writing(self.repository):
                # Read again: another process may have written them meanwhile.
                batch = self._next(after_id)
                if not batch:
                    break
                done.renamed.clear()
                self._write_batch(batch, done, to_millis(now))
            # Those that got another name are tried once more, with what comes after them.
            after_id = min(done.renamed, default=batch[-1].id + 1) - 1
        if done.made >= PACK_AT:
            with turns.writing(self.repository):
                self.repository.pack_refs()
        self._tell_lost(done, to_millis(now))
        return done

    def _next(self, after_id: int) -> list[TagRow]:
        with reading(self.engine) as connection:
            return rows.in_state(connection, rows.PLANNED, BATCH, after_id)

    def _recognise(self, identity: str) -> None:
        """Start over if the setting names another repository than last time."""
        with reading(self.engine) as connection:
            known = rows.standing(connection).repository
        if known == identity:
            return
        with transaction(self.engine) as connection:
            books.lock(connection)
            rows.set_state(connection, repository=identity)
            if known:
                connection.execute(update(tables.tag).values(state=rows.PLANNED))
                _logger.warning("the repository is %s now; every tag is made there", identity)

    def _write_batch(self, batch: Sequence[TagRow], done: Written, now_ms: int) -> None:
        ready = self._with_commits(batch, done)
        if not ready:
            return
        ready = self._with_objects(ready)
        created = self._create(ready, done, now_ms)
        with transaction(self.engine) as connection:
            rows.advance(connection, created, rows.LOCAL, now_ms)
        done.made += len(created)
        self.report("tags", len(created))

    def _with_commits(self, batch: Sequence[TagRow], done: Written) -> list[TagRow]:
        """Return the tags whose version's commit is in the repository, making it now if needed."""
        new = self._make_commits(batch)
        named = [new.get(tag.page_id, tag.commit_id) for tag in batch]
        tags = [replace(t, commit_id=c) for t, c in zip(batch, named, strict=True)]
        made = set(new.values())
        older = sorted({tag.commit_id for tag in tags if tag.commit_id} - made)
        lost = self._remake(older, tags, done) if older else frozenset()
        return [tag for tag in tags if tag.commit_id not in lost]

    def _make_commits(self, batch: Sequence[TagRow]) -> dict[int, str]:
        with reading(self.engine) as connection:
            wanted = rows.commits_to_make(connection, (tag.page_id for tag in batch))
        if not wanted:
            return {}
        code = {commit.code_commit for commit in wanted if commit.code_commit}
        trees = self.repository.trees(sorted(code))
        # A commit that this repository lacks is named in the message alone.
        empty = self.repository.empty_tree() if {c.code_commit for c in wanted} - set(trees) else ""
        contents = []
        for commit in wanted:
            parent = commit.code_commit if commit.code_commit in trees else None
            who = objects.person(objects.LEDGER_NAME, self.settings.email, commit.created_seconds)
            tree = trees[parent] if parent else empty
            contents.append(objects.commit(tree, parent, who, commit.subject))
        ids = self.repository.write("commit", contents)
        pages = [commit.page_id for commit in wanted]
        with transaction(self.engine) as connection:
            made = dict(zip(pages, zip(ids, contents, strict=True), strict=True))
            rows.keep_commits(connection, made)
            return rows.commit_ids(connection, pages)

    def _remake(self, ids: Sequence[str], tags: Iterable[TagRow], done: Written) -> frozenset[str]:
        """Write commits again that the repository has lost; return those that cannot be written."""
        if self.repository.has_all(ids):
            return frozenset()
        with reading(self.engine) as connection:
            known = rows.commit_contents(connection, (tag.page_id for tag in tags))
        lost = remake(self.repository, {commit_id: known[commit_id] for commit_id in ids})
        done.lost |= lost
        return frozenset(lost)

    def _with_objects(self, tags: Sequence[TagRow]) -> list[TagRow]:
        """Record the tag objects, signed where the settings ask for that, and write them."""
        fresh = [tag for tag in tags if tag.content is None]
        contents = [
            objects.tag(tag.commit_id or "", tag.name, tag.tagger, tag.message) for tag in fresh
        ]
        if contents:
            contents = signer(self.repository, self.settings).sign(contents)
        again = [tag for tag in tags if tag.content is not None]
        old = [(tag.content or "").encode() for tag in again]
        ids = self.repository.write("tag", [*contents, *old])
        made = {
            tag.id: (object_id, content)
            for tag, object_id, content in zip(fresh, ids, contents, strict=False)
        }
        if not made:
            return list(tags)
        with transaction(self.engine) as connection:
            rows.keep_objects(connection, made)
            return rows.by_names(connection, [tag.name for tag in tags])

    def _create(self, tags: Sequence[TagRow], done: Written, now_ms: int) -> list[int]:
        """Create the refs; return the ids of the tags that now exist."""
        try:
            self.repository.create({tag.name: tag.object_id or "" for tag in tags})
        except GitError:
            # Made before, made by somebody else, or locked: find out one by one.
            return self._create_each(tags, done, now_ms)
        return [tag.id for tag in tags]

    def _create_each(self, tags: Sequence[TagRow], done: Written, now_ms: int) -> list[int]:
        there = self.repository.tags()
        standing = []
        for tag in tags:
            ref = there.get(tag.name)
            if ref is not None and ref.object_id != tag.object_id:
                if tag.local_ms is None:
                    self._rename(tag, there, now_ms)
                    done.renamed.add(tag.id)
                else:
                    # It was in another repository: the check reports what is here.
                    standing.append(tag.id)
                continue
            try:
                if ref is None:
                    self.repository.create({tag.name: tag.object_id or ""})
                standing.append(tag.id)
            except GitError as err:
                # Another of the platform's processes may have made it since.
                if self.repository.target(tag.name) == tag.object_id:
                    standing.append(tag.id)
                else:
                    done.error = err
        return standing

    def _rename(self, tag: TagRow, there: dict[str, Ref], now_ms: int) -> None:
        """Take the next free counter, because somebody made another tag of that name."""
        parsed = [grammar.parse(name) for name in there]
        counters = [found.counter for found in parsed if found and found.artifact == tag.artifact]
        with transaction(self.engine) as connection:
            books.lock(connection)
            book = Book(connection, self.settings.email, now_ms)
            name = book.another_name(tag.id, max(counters, default=0))
        _logger.warning("%s was taken by somebody; the tag is made as %s", tag.name, name)

    def _tell_lost(self, done: Written, now_ms: int) -> None:
        with transaction(self.engine) as connection:
            for commit_id, needed in done.lost.items():
                found = Found(
                    FindingKind.COMMIT,
                    FindingPlace.LOCAL,
                    commit_id,
                    f"the object {needed} that the version's commit builds on",
                    "the repository does not have it",
                    "fetch the history of the code into the repository",
                )
                findings.note(connection, found, now_ms)
            findings.settle(connection, [FindingKind.COMMIT], FindingPlace.LOCAL, done.lost, now_ms)


def remake(repository: Repository, commits: Mapping[str, bytes]) -> dict[str, str]:
    """Write versions' commits again, by their ids and contents.

    Returns:
        Those that cannot be, each with the object that the repository lacks for it.
    """
    # Git knows the empty tree without having it; other readers of a repository do not.
    empty = repository.empty_tree()
    lost = {}
    for commit_id, content in commits.items():
        head = content.decode().split("\nauthor ", 1)[0]
        needed = [line.split()[1] for line in head.splitlines() if line.split()[1] != empty]
        if repository.has_all(needed):
            repository.write("commit", [content])
        else:
            lost[commit_id] = needed[-1]
    return lost
