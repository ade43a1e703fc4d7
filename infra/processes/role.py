"""Runs roles in this process (`acgs run ROLE...`), and the set-up that comes before them."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from infra import logs, private
from infra.component import Role, components, roles
from infra.errors import NotFoundError, PlatformError, UsageError, storage_error
from infra.processes import shared
from infra.processes.hosts import LIGHT

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


def find(names: Sequence[str]) -> list[Role]:
    """Return the roles of these names.

    Raises:
        NotFoundError: no component offers one.
        UsageError: one of several cannot share a process.
    """
    known = roles()
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"role {name!r}: expected one of {', '.join(known) or '(none installed)'}",
                hint="choose one of them; docs/reference/components.md says what each does",
            )
        if len(names) > 1 and not known[name].light:
            light = ", ".join(role.name for role in known.values() if role.light)
            raise UsageError(
                f"role {name!r}: expected roles that may share a process ({light}), found another",
                hint=f"run it alone: acgs run {name}",
            )
    return [known[name] for name in dict.fromkeys(names)]


def run(
    given: Sequence[Role],
    settings: Settings,
    *,
    parent: int | None = None,
    report_to: int | None = None,
) -> None:
    """Run roles in this process until SIGTERM, SIGINT or SIGHUP.

    Args:
        given: roles. The failure of a lone role ends the process; of several, only the role, which
        is then started again.
        settings: of the platform.
        parent: process to end with: a supervisor that was killed cannot stop its roles, and
            a role that outlived it would keep its port.
        report_to: descriptor to write to how roles end, if there are several.
    """
    logs.configure(settings.log_level, given[0].name if len(given) == 1 else LIGHT)
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
        if len(given) == 1:
            given[0].run(settings, stop)
        else:
            shared.run(given, settings, stop, shared.teller(report_to))
    except PlatformError:
        raise
    except Exception as err:
        # The command line prints one line; a reader of this log needs the traceback, unless the
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
