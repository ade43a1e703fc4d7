"""The git tags of one installation: every use case in one place."""

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
from registry.git import intake
from registry.git.adapters import facts, findings, rows
from registry.git.adapters.findings import Found
from registry.git.adapters.remote import Remote
from registry.git.adapters.repository import Repository
from registry.git.checking import Checked, Checker
from registry.git.errors import GitError
from registry.git.pushing import Pushed, Pusher
from registry.git.writing import Writer, Written
from registry.governance.adapters import governance_file
from registry.governance.adapters.governance_file import ConstitutionError

Tell = Callable[[str, int], None]


def _quiet(_work: str, _count: int) -> None:
    """Tell nobody."""


class NotConfiguredError(SettingsError):
    """No repository is set, so there are no tags."""

    code = "git.not_configured"


@dataclass(frozen=True, slots=True)
class Overview:
    """How the tags are now.

    Attributes:
        repository, remote: as set; "" where none is.
        unread: events that were not followed yet.
        untagged: governed versions without a tag; None while nobody can say what is governed.
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
    """What one synchronisation did."""

    events: int = 0
    settled: int = 0
    made: int = 0
    pushed: int = 0
    found: list[Found] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    tampered: list[Found] = field(default_factory=list)
    error: GitError | None = None

    def add(self, checked: Checked) -> None:
        """Add what one comparison found."""
        self.found += checked.found
        self.repaired += checked.repaired
        self.tampered += checked.tampered
        self.error = self.error or checked.error


class GitTags:
    """Follows the registry, writes, pushes, checks; several may run at the same time."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        if settings.git_repository is None:
            raise NotConfiguredError(
                "expected a repository in ACGS_GIT_REPOSITORY, found none",
                hint="acgs git init PATH makes one and says how to set it",
            )
        self.engine = engine
        self.settings = settings
        self.repository = Repository(
            settings.git_repository.expanduser().absolute(), settings.git_timeout_seconds
        )
        self.remote = Remote(self.repository, settings.git_remote) if settings.git_remote else None

    def follow(self, now: datetime, tell: Tell = _quiet) -> int:
        """Plan the tags of every event that was not followed yet; return how many there were."""
        total = 0
        while count := intake.take_in(self.engine, self.settings, now):
            total += count
            tell("events", count)
        return total

    def settle(self, now: datetime) -> int:
        """Plan what the registry's state asks for and no event told."""
        return intake.settle(self.engine, self.settings, now)

    def write(self, now: datetime, tell: Tell = _quiet) -> Written:
        """Make planned tags; a failure is written down with the time of the next attempt.

        Raises:
            GitError: the repository as a whole cannot be used.
        """
        try:
            written = Writer(self.engine, self.repository, self.settings, tell).write(now)
        except GitError as err:
            self._failed("local", err, now)
            raise
        if written.error is not None:
            self._failed("local", written.error, now)
        else:
            self._succeeded("local")
        return written

    def push(self, now: datetime, tell: Tell = _quiet) -> Pushed:
        """Push what waits for it, if there is a remote; as `write` for failures.

        Raises:
            GitError: the remote as a whole cannot be used.
        """
        if self.remote is None:
            return Pushed()
        try:
            pushed = Pusher(self.engine, self.remote, tell).push(now)
        except GitError as err:
            self._failed("push", err, now)
            raise
        if pushed.error is not None:
            self._failed("push", pushed.error, now)
        else:
            self._succeeded("push", pushed_ms=to_millis(now))
        return pushed

    def check_local(self, now: datetime, *, repair: bool = False, dry_run: bool = False) -> Checked:
        """Compare the repository with what it was given.

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
    ) -> Checked:
        """Compare the remote, if there is one, with what it was given.

        Raises:
            GitError: it cannot be read.
        """
        if self.remote is None:
            return Checked()
        return self._checker.remote(self.remote, now, repair=repair, dry_run=dry_run)

    @property
    def _checker(self) -> Checker:
        return Checker(self.engine, self.repository)

    def sync(self, now: datetime, *, repair: bool = False, tell: Tell = _quiet) -> Synced:
        """Do all of it once; what fails is in the result, and waits.

        Args:
            now: the time.
            repair: make our tags again what they were.
            tell: called with a kind of work (events, tags, pushed) and how much of it was done.
        """
        done = Synced()
        done.events = self.follow(now, tell)
        done.settled = self.settle(now)
        try:
            written = self.write(now, tell)
            done.made, done.error = written.made, written.error
            done.add(self.check_local(now, repair=repair))
        except GitError as err:
            done.error = err
        try:
            self._sync_remote(done, now, tell, repair=repair)
        except GitError as err:
            done.error = done.error or err
        return done

    def _sync_remote(self, done: Synced, now: datetime, tell: Tell, *, repair: bool) -> None:
        pushed = self.push(now, tell)
        done.pushed, done.error = pushed.count, done.error or pushed.error
        checked = self.check_remote(now, repair=repair)
        done.add(checked)
        if checked.repaired:
            # What the remote held under our names is ours now: nothing refuses it any more.
            pushed = self.push(now)
            done.pushed += pushed.count
            done.error = pushed.error

    def due(self, now: datetime) -> tuple[bool, bool]:
        """Say whether there is something to write, and to push, whose time has come."""
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
    """Return how the tags are, from the database alone: no git, no network."""
    unread, unread_ms = intake.waiting(engine) if settings.git_repository else (0, None)
    with reading(engine) as connection:
        counts = rows.counts(connection)
        known = rows.standing(connection)
        states = [rows.PLANNED, rows.LOCAL] if settings.git_remote else [rows.PLANNED]
        times = (unread_ms, rows.oldest_ms(connection, states))
        oldest_ms = min((ms for ms in times if ms is not None), default=None)
        found = tuple(findings.standing(connection))
        untagged = _untagged(connection, settings)
    return Overview(
        repository=str(settings.git_repository or ""),
        remote=settings.git_remote,
        unread=unread,
        made=counts[rows.LOCAL] + counts[rows.PUSHED],
        untagged=untagged,
        waiting_local=counts[rows.PLANNED],
        waiting_push=counts[rows.LOCAL] if settings.git_remote else 0,
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
    if settings.git_repository is None:
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
