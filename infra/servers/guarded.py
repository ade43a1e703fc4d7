"""Runs one server process under a guard."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.servers.errors import ServerFailedError

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS = 28_000, 4_000
READY_SECONDS = 60.0
POLL_SECONDS = 0.02
LOG_CHARACTERS = 800


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    Below the ports that the system gives to outgoing connections, one of which could take it
    before the server binds it.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


@dataclass
class Guarded:
    """A server that can be started, stopped, killed and started again on the same files.

    Attributes:
        name: for error messages.
        folder: its files; removed when it is closed.
        command: runs it in the foreground.
        stop_signal: asks it to end.
        user: account that runs it, or None for the starter's own.
        environment: what the server finds in its environment, and nothing else.
    """

    name: str
    folder: Path
    command: Sequence[str]
    stop_signal: signal.Signals
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    pid: int = 0
    _guard: subprocess.Popen[str] | None = None

    def start(self, ready: Callable[[], bool]) -> None:
        """Start the server and wait until `ready`.

        Raises:
            ServerFailedError: it ended, or did not become ready in a minute; with its last words.
        """
        clone = Path(__file__).parents[2]
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "infra.servers.guard", str(self.folder),
             str(int(self.stop_signal)), self.user or "", *self.command],
            env={"PYTHONPATH": str(clone), "PATH": os.defpath, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self._guard.stdout
        line = self._guard.stdout.readline()
        self.pid = int(line) if line.strip() else 0
        limit = time.monotonic() + READY_SECONDS
        while self.pid and self._runs() and time.monotonic() < limit:
            if ready():
                return
            time.sleep(POLL_SECONDS)
        said = self._log()
        self.stop()
        raise ServerFailedError(f"{self.name} did not start: {said}", hint="see the lines above")

    def stop(self) -> None:
        """Stop the server in order and keep its files."""
        self._release("keep")

    def kill(self) -> None:
        """Kill the server as a power cut would, and keep its files."""
        os.kill(self.pid, signal.SIGKILL)
        self._release("keep")

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._release("")

    def _release(self, word: str) -> None:
        if self._guard is None:
            return
        self._guard.communicate(word)
        self._guard = None

    def _runs(self) -> bool:
        """Whether the process lives; a zombie that the guard has not yet reaped does not."""
        try:
            text = Path(f"/proc/{self.pid}/stat").read_text()
        except OSError:
            return False
        return text.rpartition(")")[2].split()[0] not in "ZX"

    def _log(self) -> str:
        try:
            return (self.folder / "log").read_text(errors="replace")[-LOG_CHARACTERS:].strip()
        except OSError as err:
            return f"no log: {err.strerror}"
