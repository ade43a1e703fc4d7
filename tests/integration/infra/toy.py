"""Toy roles in real processes: `python -m tests.integration.infra.toy supervise|roles ...`."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from infra.component import Health, Probe, Role
from infra.console.display import stopping_on_signals
from infra.processes import health, supervisor
from infra.processes import role as roles
from infra.settings import Settings


def run_role(name: str) -> Role:
    """Make the role that beats, unless its file in the root asks it to misbehave."""

    def work(settings: Settings, stop: threading.Event) -> None:
        mood_file = settings.storage_root / f"{name}.mood"
        if mood_file.exists() and mood_file.read_text() == "die":
            print(f"{name}: cannot go on", flush=True)
            sys.exit(7)
        while not stop.wait(0.05):
            mood = mood_file.read_text() if mood_file.exists() else ""
            if mood == "fail once":
                mood_file.unlink()
                raise ValueError("cheese")
            if mood != "mute":
                health.beat(settings, name)
        if mood_file.exists() and mood_file.read_text() == "stubborn":
            time.sleep(60)

    after = ("first",) if name == "second" else ()
    return Role(
        name,
        "a toy",
        run=work,
        ready=lambda settings: health.beating(settings, name, max_age_seconds=1),
        after=after,
        light=name.startswith("light"),
    )


def server_role() -> Role:
    """Make the role that answers on a socket, as servers do, and has no heartbeat."""

    def serve(settings: Settings, stop: threading.Event) -> None:
        place = settings.storage_root / "server.socket"
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen()
            listener.settimeout(0.1)
            while not stop.is_set():
                with suppress(TimeoutError):
                    caller, _ = listener.accept()
                    caller.sendall(b"here")
                    caller.close()

    def answers(settings: Settings) -> Probe:
        with socket.socket(socket.AF_UNIX) as asker:
            asker.settimeout(0.3)
            try:
                asker.connect(str(settings.storage_root / "server.socket"))
                return Probe("server", Health.OK, asker.recv(9).decode())
            except OSError as err:
                return Probe("server", Health.STARTING, str(err), silent=True)

    return Role("server", "answers", run=serve, ready=answers)


def named(name: str) -> Role:
    return server_role() if name == "server" else run_role(name)


def toy_roles(*more: str) -> Sequence[Role]:
    return [named(name) for name in ("first", "second", *more)]


def command(settings: Settings, given: Sequence[Role], report_to: int | None) -> Sequence[str]:
    here = [sys.executable, "-m", "tests.integration.infra.toy", "roles"]
    names = ",".join(role.name for role in given)
    return [*here, str(settings.storage_root), names, str(os.getpid()), str(report_to or "")]


def main(arguments: Sequence[str]) -> None:
    settings = Settings(storage_root=Path(arguments[1]))
    if arguments[0] == "roles":
        given = [named(name) for name in arguments[2].split(",")]
        report_to = int(arguments[4]) if arguments[4] else None
        roles.run(given, settings, parent=int(arguments[3]), report_to=report_to)
        return
    with stopping_on_signals() as stop, supervisor.owning(settings, {}):
        made = supervisor.Supervisor(
            settings,
            toy_roles(*arguments[2:]),
            command=lambda given, told: command(settings, given, told),
            hang_seconds=1,
        )
        made.run(stop)


if __name__ == "__main__":
    main(sys.argv[1:])
