"""Runs the platform, supervised by the demo's own process, while a block runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.errors import UnavailableError
from infra.processes import launch

if TYPE_CHECKING:
    from infra.processes.running import RoleRecord
    from infra.settings import Settings

START_LIMIT_SECONDS = 150.0
_POLL_SECONDS = 0.05


class _Run:
    """The supervisor's thread, and what it last said."""

    def __init__(self, settings: Settings, flags: dict[str, str]) -> None:
        self.stop = threading.Event()
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self.said = "starting"
        self._settings, self._flags = settings, flags
        self.thread = threading.Thread(target=self._supervise, name="supervisor")

    def _supervise(self) -> None:
        try:
            launch.run(self._settings, self._flags, self.stop, self._say, self._watch)
        except BaseException as err:
            self.error = err

    def _say(self, line: str) -> None:
        self.said = line

    def _watch(self, records: Sequence[RoleRecord]) -> None:
        if records and all(record.state == "ready" for record in records):
            self.ready.set()
        self.said = ", ".join(f"{record.name} {record.state}" for record in records)


@contextmanager
def running(
    settings: Settings, flags: dict[str, str], tell: Callable[[str], None]
) -> Generator[None]:
    """Run every role while the block runs; all of them have ended on leaving.

    Args:
        settings: of the platform.
        flags: settings that are not in everyone's environment, by name, for other commands.
        tell: called with each line about the start.

    Raises:
        AlreadyRunningError, PortInUseError, RoleStartError, PreparationError: as `acgs up`.
    """
    run = _Run(settings, flags)
    try:
        run.thread.start()
        limit = time.monotonic() + START_LIMIT_SECONDS
        while not run.ready.wait(_POLL_SECONDS):
            if run.error is not None:
                raise run.error
            if time.monotonic() > limit:
                raise UnavailableError(
                    f"expected every role ready within {START_LIMIT_SECONDS:g} s, found {run.said}",
                    hint=f"look at the logs in {settings.folder('logs')}",
                )
            tell(run.said)
        yield
    finally:
        run.stop.set()
        if run.thread.ident is not None:
            run.thread.join()
    if run.error is not None:
        raise run.error
