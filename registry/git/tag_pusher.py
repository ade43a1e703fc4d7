"""Pushes tags to the remote, in batches that it accepts whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, update

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.git.adapters import book as books
from registry.git.adapters import findings, rows, tables
from registry.git.adapters.findings import FindingKind, FindingPlace, Found
from registry.git.adapters.remote import RefusedTag, Remote, refusal
from registry.git.adapters.rows import TagRow
from registry.git.errors import GitError, without_credentials

BATCH = 200


@dataclass(slots=True)
class Pushed:
    """The result of one attempt to push."""

    count: int = 0
    refused: list[RefusedTag] = field(default_factory=list)
    error: GitError | None = None


@dataclass(frozen=True, slots=True)
class Pusher:
    """Pushes to one remote."""

    engine: Engine
    remote: Remote
    report: Callable[[str, int], None] = lambda _work, _count: None

    def push(self, now: datetime) -> Pushed:
        """Push every tag that waits; a refused tag delays no other.

        Raises:
            GitError: the remote as a whole cannot be used; nothing is lost.
        """
        self._recognise(without_credentials(self.remote.url()))
        done = Pushed()
        after_id = 0
        while batch := self._next(after_id):
            after_id = batch[-1].id
            self._push_batch(batch, done, to_millis(now))
        self._record(done, to_millis(now))
        return done

    def _next(self, after_id: int) -> list[TagRow]:
        with reading(self.engine) as connection:
            return rows.in_state(connection, rows.LOCAL, BATCH, after_id)

    def _recognise(self, url: str) -> None:
        """Start over if the setting names another remote than last time."""
        with reading(self.engine) as connection:
            known = rows.standing(connection).remote
        if known == url:
            return
        with transaction(self.engine) as connection:
            books.lock(connection)
            rows.set_state(connection, remote=url)
            was = tables.tag.c.state == rows.PUSHED
            connection.execute(update(tables.tag).where(was).values(state=rows.LOCAL))

    def _push_batch(self, batch: Sequence[TagRow], done: Pushed, now_ms: int) -> None:
        waiting = {tag.name: tag.id for tag in batch}
        while waiting:
            refused = self.remote.push(list(waiting))
            # Those that a hook or a rule refuses wait; the others go on without them.
            if not refused:
                break
            for one in refused:
                waiting.pop(one.name, None)
            done.refused += refused
            done.error = refusal(refused)
        with transaction(self.engine) as connection:
            rows.advance(connection, list(waiting.values()), rows.PUSHED, now_ms)
        done.count += len(waiting)
        self.report("pushed", len(waiting))

    def _record(self, done: Pushed, now_ms: int) -> None:
        """Record what the remote has under the platform's names; a hook's refusal is one error."""
        clashes = [one for one in done.refused if one.differs]
        with transaction(self.engine) as connection:
            for one in clashes:
                found = Found(
                    FindingKind.REFUSED,
                    FindingPlace.REMOTE,
                    one.name,
                    "the remote to take the tag",
                    one.why,
                    "inspect the remote's tag; if it is wrong: acgs git sync --repair",
                )
                findings.note(connection, found, now_ms)
            still = [one.name for one in clashes]
            findings.settle(connection, [FindingKind.REFUSED], FindingPlace.REMOTE, still, now_ms)
