"""One role in this process, as `acgs run ROLE`, and the set-up that comes before any role."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

from infra import logs, private
from infra.component import Role, components, roles
from infra.errors import NotFoundError, PlatformError, storage_error

if TYPE_CHECKING:
    from infra.settings import Settings

PARENT_CHECK_SECONDS = 0.5

_logger = logging.getLogger(__name__)


def prepare(settings: Settings) -> None:
    """Bring the database up to date, then let every component set itself up; idempotent."""
    from infra.stores import migrations

    logs.configure("WARNING", "prepare")
    private.repair(settings.storage_root)
    migrations.upgrade(settings)
    for component in components():
        component.prepare(settings)


def find(name: str) -> Role:
    """Return the role of that name.

    Raises:
        NotFoundError: no component offers it.
    """
    known = roles()
    if name not in known:
        raise NotFoundError(
            f"role {name!r}: expected one of {', '.join(known) or '(none installed)'}",
            hint="choose one of them; `acgs status` shows what each does",
        )
    return known[name]


def run(role: Role, settings: Settings, *, parent: int | None = None) -> None:
    """Run a role in this process until SIGTERM, SIGINT or SIGHUP.

    Args:
        role: to run.
        settings: of the platform.
        parent: process to end with: a supervisor that was killed cannot stop its roles, and
            a role that outlived it would keep its port.
    """
    logs.configure(settings.log_level, role.name)
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        _logger.info("stopping on %s", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    if parent is not None:
        threading.Thread(
            target=_end_with, args=(parent, stop), name="parent-watch", daemon=True
        ).start()
    _logger.info("starting, pid %d, storage root %s", os.getpid(), settings.storage_root)
    try:
        role.run(settings, stop)
    except PlatformError:
        raise
    except Exception as err:
        # The command line tells it in one line; a reader of this log needs all of it, unless the
        # line says what to do.
        refused = isinstance(err, OSError) and storage_error(err, settings.storage_root)
        _logger.log(logging.DEBUG if refused else logging.ERROR, "failed", exc_info=err)
        raise
    _logger.info("stopped")


def _end_with(parent: int, stop: threading.Event) -> None:
    # PR_SET_PDEATHSIG would tie the role to the thread that started it, not to the process.
    while not stop.wait(PARENT_CHECK_SECONDS):
        if os.getppid() != parent:
            _logger.warning("supervisor %d has gone, stopping", parent)
            stop.set()
