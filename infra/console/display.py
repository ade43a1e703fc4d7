"""Shows `acgs up` and `acgs status`: as a live table in a terminal, else as lines."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Generator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import click

from infra import logs
from infra.component import roles_of_the_platform
from infra.configuration import known_settings, load_settings
from infra.errors import PlatformError, storage_error
from infra.processes import launch
from infra.processes.interrupts import interrupted_once
from infra.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from infra.processes.running import RoleRecord
    from infra.processes.status import PlatformState

_logger = logging.getLogger(__name__)

STYLES = {
    "ready": "green",
    "starting": "yellow",
    "waiting": "dim",
    "restarting": "yellow",
    "failed": "red",
    "stopped": "dim",
    "orphaned": "red",
}


class _Row(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def restarts(self) -> int: ...
    @property
    def detail(self) -> str: ...


@contextlib.contextmanager
def stopping_on_signals() -> Generator[threading.Event]:
    """Turn SIGINT, SIGTERM and SIGHUP into an event while the block runs."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(number, signal.signal(number, on_signal)) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def tell(line: str) -> None:
    """Write one line to stderr; if the reader has gone (`| head`), do nothing."""
    try:
        click.echo(line, err=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def up_foreground(flags: dict[str, str]) -> None:
    """Run the platform in this process, and show what each role does."""
    from rich.console import Console

    settings = _adopt(flags)
    console = Console(stderr=True)
    with stopping_on_signals() as stop:
        if console.is_terminal:
            _up_with_table(settings, stop, console)
        else:
            logs.configure(settings.log_level, "supervisor")
            teller = _Teller(settings)
            launch.run(settings, _published(settings), stop, teller.say, teller.watch)
    tell("stopped")


def up_detached(flags: dict[str, str]) -> None:
    """Start the platform in the background and return when it is ready."""
    settings = _adopt(flags)
    with interrupted_once():
        pid = launch.detach(settings, tell)
    click.echo(f"ready: supervisor {pid}, storage root {settings.storage_root}")
    for role in roles_of_the_platform().values():
        if url := role.url(settings):
            click.echo(f"  {role.name:<12} {url}")
    tell("stop it with: acgs down")


def up_reporting(descriptor: int) -> None:
    """Run as the detached supervisor, and report progress to the process that started it."""
    settings = load_settings()
    logs.configure(settings.log_level, "supervisor")
    reporter = launch.Reporter(descriptor)
    teller = _Teller(settings)

    def say(line: str) -> None:
        _logger.info("%s", line)
        reporter.send(launch.Report("said", line))

    def watch(records: Sequence[RoleRecord]) -> None:
        for line in teller.changes(records):
            say(line)
        if teller.all_ready:
            reporter.send(launch.Report("ready"))
            reporter.close()

    try:
        with stopping_on_signals() as stop:
            launch.run(settings, _published(settings), stop, say, watch)
    except PlatformError as err:
        reporter.send(launch.failure(err))
        raise
    except OSError as err:
        if known := storage_error(err, settings.storage_root):
            reporter.send(launch.failure(known))
        raise
    finally:
        reporter.close()


def _adopt(flags: dict[str, str]) -> Settings:
    """Read the settings with these flags, and pass both on to every child process."""
    os.environ.update(flags)
    settings = load_settings()
    os.environ["MLOPS_STORAGE_ROOT"] = str(settings.storage_root)
    return settings


def _published(settings: Settings) -> dict[str, str]:
    """Return this run's addresses, for other commands on the same root."""
    return {
        name: str(setting.value(settings))
        for name, setting in known_settings().items()
        if name == "ACGS_HOST" or name.endswith("_PORT")
    }


class _Teller:
    """Prints each change of a role's state as one plain line."""

    def __init__(self, settings: Settings) -> None:
        self._states: dict[str, str] = {}
        self._urls = {role.name: role.url(settings) for role in roles_of_the_platform().values()}
        self.all_ready = False

    def say(self, line: str) -> None:
        tell(line)

    def watch(self, records: Sequence[RoleRecord]) -> None:
        ready_before = self.all_ready
        for line in self.changes(records):
            self.say(line)
        if self.all_ready and not ready_before:
            self.say("ready; stop with Ctrl-C")

    def changes(self, records: Sequence[RoleRecord]) -> Sequence[str]:
        lines = []
        for record in records:
            if self._states.get(record.name) != record.state:
                self._states[record.name] = record.state
                pid = f"pid {record.identity.pid}" if record.identity else ""
                known = self._urls.get(record.name) if record.state == "ready" else record.detail
                parts = [f"{record.name:<12}", f"{record.state:<10}", pid, known or ""]
                lines.append(" ".join(part for part in parts if part).rstrip())
        self.all_ready = all(record.state == "ready" for record in records)
        return lines


def _up_with_table(settings: Settings, stop: threading.Event, console: Console) -> None:
    from rich.live import Live

    urls = {role.name: role.url(settings) for role in roles_of_the_platform().values()}
    log_folder = settings.folder("logs")
    logs.configure_file(settings.log_level, log_folder / "supervisor.log", "supervisor")
    with Live(console=console, refresh_per_second=4, transient=False) as live:

        def say(line: str) -> None:
            live.update(f"[dim]{line} ...[/]")

        def watch(records: Sequence[RoleRecord]) -> None:
            table = role_table(
                [(r, r.identity.pid if r.identity else None, urls.get(r.name)) for r in records]
            )
            ready = all(record.state == "ready" for record in records)
            table.caption = (
                f"{'ready' if ready else 'starting'}; logs in {log_folder}; Ctrl-C stops all"
                if not stop.is_set()
                else "stopping"
            )
            live.update(table)

        launch.run(settings, _published(settings), stop, say, watch)


def role_table(rows: Sequence[tuple[_Row, int | None, str | None]]) -> Table:
    """Return a table of roles: (role, pid, url)."""
    from rich.table import Table

    table = Table("role", "state", "pid", "url", "restarts", "detail", box=None, pad_edge=False)
    for row, pid, url in rows:
        style = STYLES.get(row.state, "")
        table.add_row(
            row.name,
            f"[{style}]{row.state}[/]" if style else row.state,
            str(pid or "-"),
            url or "-",
            str(row.restarts),
            row.detail.splitlines()[0] if row.detail else "",
        )
    return table


def show_state(found: PlatformState) -> None:
    """Write the state of the platform to stdout."""
    from rich.console import Console

    head = f"runs, supervisor {found.pid}" if found.running else "does not run"
    click.echo(f"platform in {found.root}: {head}")
    click.echo(found.notice or f"names are proven by: {found.identity}")
    Console(width=None if os.isatty(1) else 160).print(
        role_table([(role, role.pid, role.url) for role in found.roles])
    )
