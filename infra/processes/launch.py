"""`acgs up` without its display: take the root, check, prepare, supervise; here or detached."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING

from infra.component import roles_of_the_platform
from infra.environments import NOTICE
from infra.errors import PlatformError, ReportedError, UnavailableError, exit_code
from infra.identity import open_mode
from infra.processes import ports, running
from infra.processes.process import Identity, end, wait_gone
from infra.processes.supervisor import (
    GRACE_SECONDS,
    Supervisor,
    Watch,
    already_running,
    locked,
    open_log,
    owning,
    reap,
    start_error,
)

if TYPE_CHECKING:
    from infra.settings import Settings

STOP_LIMIT_SECONDS = 60.0
ERROR_LINE = re.compile(r"^error \[(?P<code>[\w.]+)\]: (?P<message>.*)$")
HINT_LINE = re.compile(r"^\s+what to do: (?P<hint>.*)$")

Say = Callable[[str], None]


class PreparationError(PlatformError):
    """The storage root could not be brought up to date."""

    code = "infra.prepare_failed"


def run(
    settings: Settings, flags: dict[str, str], stop: threading.Event, say: Say, watch: Watch
) -> None:
    """Run the whole platform under this process until the event is set.

    Args:
        settings: of the platform.
        flags: settings from the command line, by environment name, for other commands to find.
        stop: ends the run.
        say: called with one line per step of the preparation.
        watch: called with what is known about the roles, at every tick.

    Raises:
        OpenServerError: other machines could reach a server that checks nobody's name.
        AlreadyRunningError, PortInUseError, SettingsError, PreparationError, RoleStartError.
    """
    open_mode.check(settings)
    parts = list(roles_of_the_platform().values())
    with owning(settings, flags) as left:
        if left:
            say(f"took over from a run that died; ended what it left: {', '.join(left)}")
        ports.check(settings, parts)
        say("preparing the storage root")
        _prepare(stop, say)
        if not stop.is_set():
            say("starting the roles")
            Supervisor(settings, parts).run(stop, watch)


def _prepare(stop: threading.Event, say: Say) -> None:
    # In a process of its own: MLflow's migrations load hundreds of MB that a supervisor,
    # which lives for weeks, has no use for.
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "infra", "prepare"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        ender = threading.Thread(target=_end_on, args=(stop, child), daemon=True)
        ender.start()
        assert child.stderr is not None
        text = _heard(child.stderr, say)
        code = child.wait()
    if code and not stop.is_set():
        raise _told(text, code) or PreparationError(
            f"preparation: expected exit code 0, found {code}: {text.strip()[-2000:]}",
            hint="run it alone to see more: acgs --debug prepare",
        )


def _heard(lines: IO[str], say: Say) -> str:
    """Pass on what a person is to see at once; return the rest."""
    kept = []
    for line in lines:
        if line.startswith(NOTICE):
            say(line.removeprefix(NOTICE).rstrip())
        else:
            kept.append(line)
    return "".join(kept)


def _end_on(stop: threading.Event, child: subprocess.Popen[str]) -> None:
    while child.returncode is None:
        if stop.wait(0.1):
            # With what it installs just now: a session of its own.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            return


def _told(text: str, status: int) -> PlatformError | None:
    """Parse an error that one of the platform's commands wrote on stderr."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if found := ERROR_LINE.match(line):
            hint = HINT_LINE.match(lines[at + 1]) if at + 1 < len(lines) else None
            advice = hint["hint"] if hint else None
            return ReportedError(found["code"], found["message"], advice, status)
    return None


@dataclass(frozen=True, slots=True)
class Report:
    """One message of a detached supervisor to the process that started it.

    Attributes:
        kind: `said`, `ready` or `failed`.
        text: the line said, or the error's message.
        code: the error's code.
        hint: the error's hint.
        status: the exit code that the error asks for.
    """

    kind: str
    text: str = ""
    code: str = ""
    hint: str | None = None
    status: int = 3


class Reporter:
    """The detached supervisor's end of the pipe; silent once the other end has gone."""

    def __init__(self, descriptor: int) -> None:
        self._file: IO[str] | None = os.fdopen(descriptor, "w")

    def send(self, report: Report) -> None:
        """Send one message."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(asdict(report)) + "\n")
            self._file.flush()
        except BrokenPipeError:
            self._file = None

    def close(self) -> None:
        """Close the pipe, so that the other end knows that nothing more comes."""
        if self._file is not None:
            self._file.close()
            self._file = None


def detach(settings: Settings, say: Say) -> int:
    """Start a supervisor that outlives this process; return its pid once all roles are ready.

    Raises:
        AlreadyRunningError: a live run owns the storage root.
        PlatformError: what the supervisor met; it has ended then.
    """
    if locked(settings.storage_root):
        raise already_running(settings.storage_root)
    reading, writing = os.pipe()
    with open_log(settings, "supervisor") as log:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "infra", "up", "--report-to", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as file:
            _await_ready(settings, file, say)
    except BaseException:
        # Also when a person interrupts: half a platform must not stay behind.
        end([Identity.of(child.pid)], grace_seconds=STOP_LIMIT_SECONDS)
        raise
    # The child is meant to outlive this process; without this, its Popen would warn that it does.
    child.returncode = 0
    return child.pid


def _await_ready(settings: Settings, file: IO[str], say: Say) -> None:
    for report in _reports(file):
        match report.kind:
            case "ready":
                return
            case "failed":
                raise ReportedError(report.code, report.text, report.hint, report.status)
            case _:
                say(report.text)
    raise start_error(settings, "supervisor", "found that it ended without a word")


def _reports(file: IO[str]) -> Iterator[Report]:
    for line in file:
        yield Report(**json.loads(line))


def stop_all(settings: Settings, say: Say) -> bool:
    """Stop whatever runs in the storage root; return whether anything did.

    Raises:
        UnavailableError: the supervisor cannot be stopped by this user.
    """
    root = settings.storage_root
    owner = running.live_supervisor(root)
    if owner is not None and locked(root):
        say(f"stopping the platform, supervisor {owner.identity.pid}")
        try:
            stubborn = end([owner.identity], grace_seconds=STOP_LIMIT_SECONDS)
        except PermissionError as err:
            raise UnavailableError(
                f"process {owner.identity.pid} belongs to another user and cannot be stopped",
                hint="run `acgs down` as the user who ran `acgs up`",
            ) from err
        if stubborn:
            say(f"supervisor {owner.identity.pid} did not stop in time and was killed")
            wait_gone(
                [role.identity for role in running.read_roles(root) if role.identity],
                seconds=GRACE_SECONDS,
            )
    left = reap(root)
    if left:
        say(f"ended leftover processes: {', '.join(left)}")
    return owner is not None or bool(left)


def failure(error: PlatformError) -> Report:
    """Return the message that reports an error to the process that started this supervisor."""
    return Report("failed", error.message, error.code, error.hint, exit_code(error))
