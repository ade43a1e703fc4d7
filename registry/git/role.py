"""Runs the role `git`, which follows the audit trail with tags. Safe to kill at any time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.component import Probe, Role
from registry.git.settings import GitSettings

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.git.service import GitTags

NAME = "git"
STANDSTILL_SECONDS = 900.0
"""Longer than a round should ever take: pushing a long queue to a slow remote, batch by batch."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GitPace:
    """How often the role looks, in seconds.

    Attributes:
        poll: pause between reads of the audit trail.
        check_local, check_remote: between comparisons with the repository and the remote.
        settle: between comparisons with the registry's state.
        trouble: pause while the database or the constitution cannot be read.
    """

    poll: float = 0.3
    check_local: float = 30.0
    check_remote: float = 300.0
    settle: float = 300.0
    trouble: float = 2.0


@dataclass(slots=True)
class GitLoop:
    """Runs the loop of one process; several may run against one database and one repository."""

    tags: GitTags
    pace: GitPace = field(default_factory=GitPace)
    monotonic: Callable[[], float] = time.monotonic
    _seen: int = -1
    _next: dict[str, float] = field(default_factory=dict)

    def run(self, stop: threading.Event, pulse: Callable[[], None] = lambda: None) -> None:
        """Go round until `stop` is set; `pulse` is called each time round."""
        from infra.errors import PlatformError

        while not stop.is_set():
            pulse()
            seconds = self.pace.poll
            try:
                self.round()
            except PlatformError as err:
                _logger.warning("%s", err)
                seconds = self.pace.trouble
            stop.wait(seconds)

    def round(self) -> None:
        """Do what is due; a failing repository or remote waits for its next attempt.

        Raises:
            PlatformError: the database or the constitution cannot be read.
        """
        from infra.clock import utc_now
        from registry.git import intake

        newest = intake.newest(self.tags.engine)
        if newest != self._seen:
            self.tags.follow(utc_now())
            self._seen = newest
        if self._is_time("settle", self.pace.settle):
            self.tags.settle(utc_now())
        write, push = self.tags.due(utc_now())
        if write:
            self._try(lambda: self.tags.write(utc_now()))
            write, push = self.tags.due(utc_now())
        if push:
            self._try(lambda: self.tags.push(utc_now()))
        if self._is_time("local", self.pace.check_local):
            self._try(lambda: self.tags.check_local(utc_now()))
        if self._is_time("checkpoint", self.pace.check_local):
            self._try(lambda: self.tags.checkpoints.write(utc_now()))
        if self._is_time("push checkpoints", self.pace.check_remote):
            self._try(lambda: self.tags.checkpoints.push())
        if self._is_time("remote", self.pace.check_remote):
            self._try(lambda: self.tags.check_remote(utc_now()))

    def _is_time(self, what: str, every_seconds: float) -> bool:
        now = self.monotonic()
        if now < self._next.get(what, now):
            return False
        self._next[what] = now + every_seconds
        return True

    def _try(self, work: Callable[[], object]) -> None:
        from registry.audit.merkle.errors import MalformedError, NotProvenError
        from registry.git.errors import GitError

        try:
            work()
        except (GitError, MalformedError, NotProvenError) as err:
            _logger.warning("%s", err)


def run(settings: Settings, stop: threading.Event) -> None:
    """Follow the audit trail until `stop` is set; without a repository, only say so."""
    from infra.processes.loops import Loop as Work
    from infra.processes.loops import go_round

    if settings.of(GitSettings).repository is None:
        _logger.info("no repository: ACGS_GIT_REPOSITORY is not set")
        go_round(settings, NAME, [], stop)
        return
    from registry.git.service import open_tags

    tags = open_tags(settings)
    try:
        go_round(settings, NAME, [Work(NAME, GitLoop(tags).run, STANDSTILL_SECONDS)], stop)
    finally:
        tags.engine.dispose()


def ready(settings: Settings) -> Probe:
    """Report OK while a live role's process beats."""
    from infra.processes.health import beating

    return beating(settings, NAME)


def git_role() -> Role:
    """Return the role's description for the platform."""
    return Role(
        name=NAME,
        summary="tags the model repository and keeps it in step with the registry",
        run=run,
        ready=ready,
        light=True,
    )
