"""Gathers every use case of the git tags of one installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from infra.clock import to_millis
from infra.errors import SettingsError
from infra.retry import back_off_seconds
from infra.settings import Settings
from infra.stores.db import open_engine, reading, transaction
from registry.audit.merkle.adapters.keys import own_key
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.settings import log_folder
from registry.git import intake
from registry.git.adapters import facts, findings, rows
from registry.git.adapters.findings import Found
from registry.git.adapters.remote import Remote
from registry.git.adapters.repository import Repository
from registry.git.checkpoint_tags import CheckpointTags
from registry.git.errors import GitError
from registry.git.settings import GitSettings
from registry.git.tag_check import Checker, TagComparison
from registry.git.tag_pusher import Pushed, Pusher
from registry.git.tag_writer import Writer, Written
from registry.governance.adapters import governance_file
from registry.governance.adapters.governance_file import ConstitutionError

Report = Callable[[str, int], None]


def _ignore(_work: str, _count: int) -> None:
    """Report progress to nobody."""


class NotConfiguredError(SettingsError):
    """No repository is set, so there are no tags."""

    code = "git.not_configured"


@dataclass(frozen=True, slots=True)
class Overview:
    """The current state of the tags.

    Attributes:
        repository, remote: as set; "" where none is.
        unread: events that were not followed yet.
        untagged: governed versions without a tag; None while the constitution cannot be read.
        waiting_local, waiting_push: tags not in the repository, and not on the remote.
        oldest_pending_seconds: age of the oldest of all these; None when none waits.
        pushed_ms, checked_ms: when that last succeeded.
        local_error, push_error: of the last attempt, with what to do; None after a success.
    """

    repository: str
    remote: str
    unread: int
    made: int
    untagged: int | None
    waiting_local: int
    waiting_push: int
    oldest_pending_seconds: float | None
    pushed_ms: int | None
    checked_ms: int | None
    local_error: str | None
    push_error: str | None
    findings: tuple[Found, ...] = ()


@dataclass(slots=True)
class Synced:
    """The result of one synchronisation."""

    events: int = 0
    settled: int = 0
    made: int = 0
    pushed: int = 0
    found: list[Found] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    tampered: list[Found] = field(default_factory=list)
    error: GitError | None = None

    def add(self, checked: TagComparison) -> None:
        """Add the result of one comparison."""
        self.found += checked.found
        self.repaired += checked.repaired
        self.tampered += checked.tampered
        self.error = self.error or checked.error


class GitTags:
    """Follows the registry, writes, pushes and checks; several processes may run at once."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        chosen = settings.of(GitSettings)
        if chosen.repository is None:
            raise NotConfiguredError(
                "expected a repository in ACGS_GIT_REPOSITORY, found none",
                hint="acgs git init PATH makes one and says how to set it",
            )
        self.engine = engine
        self.settings = settings
        self.repository = Repository(
            chosen.repository.expanduser().absolute(), chosen.timeout_seconds
        )
        self.remote = Remote(self.repository, chosen.remote) if chosen.remote else None

    def follow(self, now: datetime, report: Report = _ignore) -> int:
        """Plan the tags of every event not followed yet; return how many events there were."""
        total = 0
        while count := intake.take_in(self.engine, self.settings, now):
            total += count
            report("events", count)
        return total

    def settle(self, now: datetime) -> int:
        """Plan what the registry's state needs and no event reported."""
        return intake.settle(self.engine, self.settings, now)

    def write(self, now: datetime, report: Report = _ignore) -> Written:
        """Write planned tags to the repository; record a failure with the time of the next attempt.

        Raises:
            GitError: the repository as a whole cannot be used.
        """
        try:
            written = Writer(
                self.engine, self.repository, self.settings.of(GitSettings), report
            ).write(now)
        except GitError as err:
            self._failed("local", err, now)
            raise
        if written.error is not None:
            self._failed("local", written.error, now)
        else:
            self._succeeded("local")
        return written

    def push(self, now: datetime, report: Report = _ignore) -> Pushed:
        """Push what waits, if there is a remote; record failures as `write` does.

        Raises:
            GitError: the remote as a whole cannot be used.
        """
        if self.remote is None:
            return Pushed()
        try:
            pushed = Pusher(self.engine, self.remote, report).push(now)
        except GitError as err:
            self._failed("push", err, now)
            raise
        if pushed.error is not None:
            self._failed("push", pushed.error, now)
        else:
            self._succeeded("push", pushed_ms=to_millis(now))
        return pushed

    def check_local(
        self, now: datetime, *, repair: bool = False, dry_run: bool = False
    ) -> TagComparison:
        """Compare the repository with the tags that were written to it.

        Raises:
            GitError: it cannot be read.
        """
        checked = self._checker.local(now, repair=repair, dry_run=dry_run)
        if not dry_run:
            with transaction(self.engine) as connection:
                rows.set_state(connection, checked_ms=to_millis(now))
        return checked

    def check_remote(
        self, now: datetime, *, repair: bool = False, dry_run: bool = False
    ) -> TagComparison:
        """Compare the remote, if there is one, with the tags that were pushed to it.

        Raises:
            GitError: it cannot be read.
        """
        if self.remote is None:
            return TagComparison()
        return self._checker.remote(self.remote, now, repair=repair, dry_run=dry_run)

    @property
    def checkpoints(self) -> CheckpointTags:
        """The tags of the audit log's checkpoints."""
        return CheckpointTags(
            self.repository,
            self.remote,
            log_folder(self.settings),
            own_key(self.settings, KeyKind.LOG).public,
            self.settings.of(GitSettings),
        )

    @property
    def _checker(self) -> Checker:
        return Checker(self.engine, self.repository)

    def sync(self, now: datetime, *, repair: bool = False, report: Report = _ignore) -> Synced:
        """Do everything once; failures are in the result, and wait for the next attempt.

        Args:
            now: the time.
            repair: restore the platform's tags to what they were.
            report: called with a kind of work (events, tags, pushed) and how much of it was done.
        """
        done = Synced()
        done.events = self.follow(now, report)
        done.settled = self.settle(now)
        try:
            written = self.write(now, report)
            done.made, done.error = written.made, written.error
            done.add(self.check_local(now, repair=repair))
        except GitError as err:
            done.error = err
        try:
            self._sync_remote(done, now, report, repair=repair)
        except GitError as err:
            done.error = done.error or err
        return done

    def _sync_remote(self, done: Synced, now: datetime, report: Report, *, repair: bool) -> None:
        pushed = self.push(now, report)
        done.pushed, done.error = pushed.count, done.error or pushed.error
        checked = self.check_remote(now, repair=repair)
        done.add(checked)
        if checked.repaired:
            # The remote has no other tags under the platform's names now, and refuses no more.
            pushed = self.push(now)
            done.pushed += pushed.count
            done.error = pushed.error

    def due(self, now: datetime) -> tuple[bool, bool]:
        """Return whether there is something to write, and something to push, that is due."""
        now_ms = to_millis(now)
        with reading(self.engine) as connection:
            counts = rows.counts(connection)
            known = rows.standing(connection)
        write = counts[rows.PLANNED] > 0 and known.local_next_ms <= now_ms
        push = counts[rows.LOCAL] > 0 and known.push_next_ms <= now_ms
        return write, push and self.remote is not None

    def _failed(self, which: str, error: GitError, now: datetime) -> None:
        with transaction(self.engine) as connection:
            known = rows.standing(connection)
            attempts = 1 + (known.local_attempts if which == "local" else known.push_attempts)
            next_ms = to_millis(now) + int(back_off_seconds(attempts) * 1000)
            rows.failed(connection, which, error, attempts, next_ms)

    def _succeeded(self, which: str, **more: int) -> None:
        with transaction(self.engine) as connection:
            rows.succeeded(connection, which, **more)


def overview(engine: Engine, settings: Settings, now: datetime) -> Overview:
    """Return the state of the tags, from the database alone: no git, no network."""
    chosen = settings.of(GitSettings)
    unread, unread_ms = intake.waiting(engine) if chosen.repository else (0, None)
    with reading(engine) as connection:
        counts = rows.counts(connection)
        known = rows.standing(connection)
        states = [rows.PLANNED, rows.LOCAL] if chosen.remote else [rows.PLANNED]
        times = (unread_ms, rows.oldest_ms(connection, states))
        oldest_ms = min((ms for ms in times if ms is not None), default=None)
        found = tuple(findings.standing(connection))
        untagged = _untagged(connection, settings)
    return Overview(
        repository=str(chosen.repository or ""),
        remote=chosen.remote,
        unread=unread,
        made=counts[rows.LOCAL] + counts[rows.PUSHED],
        untagged=untagged,
        waiting_local=counts[rows.PLANNED],
        waiting_push=counts[rows.LOCAL] if chosen.remote else 0,
        oldest_pending_seconds=None
        if oldest_ms is None
        else max(0.0, (to_millis(now) - oldest_ms) / 1000),
        pushed_ms=known.pushed_ms,
        checked_ms=known.checked_ms,
        local_error=known.local_error,
        push_error=known.push_error,
        findings=found,
    )


def _untagged(connection: Connection, settings: Settings) -> int | None:
    if settings.of(GitSettings).repository is None:
        return 0
    try:
        governance = governance_file.load(settings)
    except ConstitutionError:
        return None
    return facts.untagged(connection, governance.governs)


def open_tags(settings: Settings) -> GitTags:
    """Return the git tags of this installation; connects at the first use.

    Raises:
        NotConfiguredError: no repository is set.
    """
    return GitTags(open_engine(settings.sqlalchemy_url), settings)
