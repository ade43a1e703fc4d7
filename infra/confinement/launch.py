"""Starts one confined server and watches it; `launch_command` returns the command line.

The launcher runs nothing that a model's author wrote. It opens the one socket that the server
answers on, writes the ready file once the server says so, cuts its output off at a limit, passes
SIGTERM on, and ends with the server's exit code. When it is killed, the kernel ends the server.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from infra.confinement.enter import Child, enter_user_namespace, fork_confined
from infra.confinement.plan import Means, Plan
from infra.confinement.scratch import scratch_folder

SOCKET_FD, READY_FD = 3, 4
"""Open files that the server finds at its start: the bound socket, and where to say `ready`."""
OUTPUT_BYTES = 10_000_000
"""Most output of one server that is kept."""
_CUT = b"\n[the server wrote more than is kept; the rest is dropped]\n"
STOP_SECONDS = 6.0
"""How long a server may take to end after SIGTERM: longer than it lets requests finish."""
_CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Launch:
    """What the launcher is started with.

    Attributes:
        plan: how the server is confined.
        python: interpreter that runs the server.
        program: text of the server's program; it starts with no way to start another.
        arguments: of the program, as they are found inside the confinement.
        environment: of the server, besides what the launcher sets: `HOME` and `TMPDIR` name the
            scratch folder, `PYTHONPATH` where the packages are found.
        packages: folders of the Python packages that hold the server's code, side by side, `infra`
            among them; each is one of the mounts.
        host: address that the server answers on, at a port that the system chooses.
    """

    plan: Plan
    python: Path
    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    packages: tuple[Path, ...]
    host: str = "127.0.0.1"


def launch_command(launch: Launch, ready_file: Path) -> list[str]:
    """Return the command line that starts a confined server.

    The launcher needs no environment and no package but this one.
    """
    document = {
        "plan": launch.plan.to_json(),
        "python": str(launch.python),
        "program": launch.program,
        "arguments": list(launch.arguments),
        "environment": dict(launch.environment),
        "packages": [str(package) for package in launch.packages],
        "host": launch.host,
    }
    program = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
    program += "from infra.confinement.launch import main; main()"
    return [sys.executable, "-I", "-S", "-c", program, str(ready_file), json.dumps(document)]


def main() -> NoReturn:
    """Run one confined server until it ends."""
    ready_file, text = Path(sys.argv[1]), sys.argv[2]
    document = json.loads(text)
    launch = Launch(
        plan=Plan.from_json(document["plan"]),
        python=Path(document["python"]),
        program=str(document["program"]),
        arguments=[str(word) for word in document["arguments"]],
        environment={str(k): str(v) for k, v in document["environment"].items()},
        packages=tuple(Path(text) for text in document["packages"]),
        host=str(document["host"]),
    )
    with scratch_folder(launch.plan.means) as scratch:
        if Means.FILE_SYSTEM not in launch.plan.means:
            # Landlock shows the packages, not the folder around them, which Python would have to
            # list.
            for package in launch.packages:
                (scratch / package.name).symlink_to(package)
        code = _run(replace(launch, plan=replace(launch.plan, scratch=scratch)), ready_file)
    sys.exit(code)


def _run(launch: Launch, ready_file: Path) -> int:
    bound = _bind(launch.host)
    ready, says_ready = os.pipe()
    output, writes_output = os.pipe()
    wake, wakes = os.pipe()
    for fd in (wake, wakes, ready, output):
        os.set_blocking(fd, False)

    def body() -> NoReturn:
        _become(launch, bound.fileno(), says_ready, writes_output)

    enter_user_namespace(launch.plan.means)
    child = fork_confined(
        launch.plan,
        body,
        keep_fds=(bound.fileno(), says_ready, writes_output),
        own_session=True,  # a signal to this group reaches the server through the launcher
    )
    os.close(says_ready)
    os.close(writes_output)
    signal.set_wakeup_fd(wakes)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return _Watcher(child, ready_file, int(bound.getsockname()[1])).watch(ready, output, wake)


def _bind(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named on purpose: asyncio sets TCP_NODELAY only on sockets that know they are TCP.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bound.bind((host, 0))
    return bound


def _become(launch: Launch, bound: int, says_ready: int, output: int) -> NoReturn:
    # Move all three away first: a wanted number may still be taken by another of them.
    bound, says_ready, output = (
        fcntl.fcntl(fd, fcntl.F_DUPFD, 16) for fd in (bound, says_ready, output)
    )
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(bound, SOCKET_FD)
    os.dup2(says_ready, READY_FD)
    os.closerange(READY_FD + 1, 64)
    scratch = str(launch.plan.scratch_inside)
    own_root = Means.FILE_SYSTEM in launch.plan.means
    code = str(launch.packages[0].parent) if own_root else scratch
    environment = {**launch.environment, "HOME": scratch, "TMPDIR": scratch, "PYTHONPATH": code}
    sealing = "from infra.confinement.sealed import seal; seal()\n"
    program = (sealing if Means.SECCOMP in launch.plan.means else "") + launch.program
    words = [str(launch.python), "-c", program, *launch.arguments]
    os.execve(launch.python, words, environment)  # noqa: S606


class _Watcher:
    """Watches the server from the launcher's process."""

    def __init__(self, child: Child, ready_file: Path, port: int) -> None:
        self._child = child
        self._pidfd = os.pidfd_open(child.pid)
        self._ready_file = ready_file
        self._port = port
        self._is_ready = False
        self._kept_bytes = 0
        self._stop_by: float | None = None

    def watch(self, ready: int, output: int, wake: int) -> int:
        """Serve the three pipes until the server has ended; return its exit code."""
        with selectors.DefaultSelector() as selector:
            for fd in (self._pidfd, ready, output, wake):
                selector.register(fd, selectors.EVENT_READ)
            while True:
                found = {key.fd for key, _events in selector.select(self._patience_seconds())}
                if not found:
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                if output in found and not self._keep(output):
                    selector.unregister(output)
                if ready in found:
                    selector.unregister(ready)
                    self._announce(ready)
                if wake in found:
                    os.read(wake, _CHUNK_BYTES)
                    self._stop()
                if self._pidfd in found:
                    break
        ended = self._child.wait()
        while self._keep(output):
            pass
        if ended.unconfined is not None:
            os.write(1, f"the server could not be confined: {ended.unconfined}\n".encode())
        return ended.code if ended.code >= 0 else 128 - ended.code

    def _keep(self, output: int) -> bool:
        """Copy some output to the log. Returns False when there is no more for now."""
        try:
            data = os.read(output, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        room = OUTPUT_BYTES - self._kept_bytes
        if room > 0 and data:
            kept = data[:room] + (_CUT if len(data) >= room else b"")
            with contextlib.suppress(OSError):  # a full disk must not end a server
                os.write(1, kept)
            self._kept_bytes += len(data)
        return bool(data)

    def _announce(self, ready: int) -> None:
        if not os.read(ready, _CHUNK_BYTES):
            return  # it ended before it was ready
        self._is_ready = True
        at = datetime.now(UTC).isoformat()
        draft = self._ready_file.with_name(f".{self._ready_file.name}.{os.getpid()}")
        draft.write_text(json.dumps({"pid": os.getpid(), "port": self._port, "ready_at": at}))
        draft.replace(self._ready_file)

    def _patience_seconds(self) -> float | None:
        """Return how long a server that was asked to stop may still take; None if nobody asked."""
        return None if self._stop_by is None else max(0.0, self._stop_by - time.monotonic())

    def _stop(self) -> None:
        if self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_SECONDS
        # A server that is not ready has no request to finish, and no handler yet.
        signal.pidfd_send_signal(self._pidfd, signal.SIGTERM if self._is_ready else signal.SIGKILL)
