"""Runs one server and ends it, with its folder, when the starter ends it or dies.

    python -m infra.servers.guard FOLDER SIGNAL USER COMMAND...

Prints the server's pid. Standard input is the starter's end of a pipe: when it closes, and when
the guard
itself gets SIGTERM, SIGINT or SIGHUP, the server gets SIGNAL, five seconds later SIGKILL; then the
folder is removed, unless the last word was `keep`.
The guard is a process of its own because a starter that is killed by SIGKILL cleans up nothing.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 5.0
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopError(Exception):
    """The guard itself was asked to end."""


def main() -> int:
    """Run the server until standard input ends; return 0."""
    folder, number, user, *command = sys.argv[1:]
    group = pwd.getpwnam(user).pw_gid if user else None
    with (Path(folder) / "log").open("ab") as log:
        server = subprocess.Popen(
            command,
            user=user or None,
            group=group,
            extra_groups=[] if user else None,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    print(server.pid, flush=True)
    keep = _last_word().endswith("keep")
    server.send_signal(int(number))
    try:
        server.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGKILL)
        server.wait()
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _last_word() -> str:
    """Wait for the end of standard input, or for a signal."""
    try:
        for number in STOPS:
            signal.signal(number, _stop)
        return sys.stdin.read()
    except StopError:
        return ""
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise StopError(number)


if __name__ == "__main__":
    sys.exit(main())
