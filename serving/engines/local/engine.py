"""Runs a SeldonDeployment on this machine: one model server process per predictor replica.

A server outlives the deployer on purpose: a restarted deployer finds it by its record (pid and
birth) and its ready file, and adopts it. `acgs down` ends it by the same record.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from infra.clock import Clock, utc_now
from infra.errors import PlatformError
from infra.processes.process import Identity, children, end, forget_child, record_child, write_json
from infra.settings import Settings
from serving.control.ports import ServersStatus
from serving.domain.seldon import Predictor, SeldonDeployment
from serving.engines.local.model_folders import ModelFolders

STARTS_ALLOWED = 3
"""Deaths in a row, each before `SETTLED_SECONDS`, after which a version is given up."""
SETTLED_SECONDS = 30.0
STOP_GRACE_SECONDS = 8.0
TAIL_LINES = 15
RETRY_SECONDS = 15.0
"""How long a version that was given up is left alone before it is tried again."""
# Only what a Python process needs: a model's code must not read the platform's secrets there.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """The record of one replica's server."""

    namespace: str
    deployment: str
    uid: str
    index: int
    deaths: int = 0
    started_at: float = 0.0
    port: int | None = None
    dead: bool = False
    problem: str = ""

    @property
    def child(self) -> str:
        """Return the server's name among the platform's processes and log files."""
        return f"model-{self.namespace}-{self.deployment}-{self.uid[:8]}-{self.index}"


@dataclass(frozen=True, slots=True)
class Launch:
    """What a model server is started with."""

    deployment: SeldonDeployment
    predictor: Predictor
    model_folder: Path
    ready_file: Path


Command = Callable[[Launch], Sequence[str]]


class LocalServers:
    """Starts, watches and ends model servers."""

    def __init__(
        self,
        settings: Settings,
        folders: ModelFolders,
        *,
        command: Command,
        clock: Clock = utc_now,
    ) -> None:
        self._settings = settings
        self._folders = folders
        self._command = command
        self._clock = clock
        self._records = settings.folder("serving") / "servers"
        self._records.mkdir(mode=0o700, exist_ok=True)
        self._mine: list[subprocess.Popen[bytes]] = []
        self._end_unrecorded()

    def close(self) -> None:
        """Close the logs; the servers go on."""
        for process in self._mine:
            # Left running on purpose; subprocess would warn of it.
            process.returncode = process.poll() or 0
        self._mine = []

    def ensure(self, deployment: SeldonDeployment, predictor: Predictor) -> ServersStatus:
        """Start what is missing and return which servers answer; never waits for a server.

        A server that died is started again, until it has died `STARTS_ALLOWED` times in a row.
        """
        self._mine = [process for process in self._mine if process.poll() is None]
        servers = [
            self._tend(self._server(deployment, predictor, index), deployment, predictor)
            for index in range(predictor.replicas)
        ]
        ready = [s for s in servers if self._answers(s)]
        known = ready or [s for s in servers if s.port is not None]
        failed = next((s.problem for s in servers if s.deaths >= STARTS_ALLOWED), None)
        missing = next((s for s in servers if not self._answers(s)), None)
        return ServersStatus(
            addresses=tuple(("127.0.0.1", s.port) for s in known if s.port is not None),
            ready=missing is None,
            failed=failed,
            detail=self._log_end(missing) if missing else "",
        )

    def running(self) -> Sequence[tuple[str, str, str]]:
        """Return (namespace, deployment, version uid) of everything that was started."""
        found = (self._load(path) for path in sorted(self._records.glob("*.json")))
        return sorted({(s.namespace, s.deployment, s.uid) for s in found if s is not None})

    def stop(self, namespace: str, deployment: str, uid: str) -> None:
        """Stop a version's servers; each finishes the requests under way, within its own limit."""
        servers = [
            server
            for path in self._records.glob("*.json")
            if (server := self._load(path)) is not None
            and (server.namespace, server.deployment, server.uid) == (namespace, deployment, uid)
        ]
        names = {server.child for server in servers}
        living = [c.identity for c in children(self._settings) if c.name in names]
        stubborn = end(living, grace_seconds=STOP_GRACE_SECONDS)
        for identity in stubborn:
            _logger.warning("model server %d did not stop on SIGTERM and was killed", identity.pid)
        for server in servers:
            forget_child(self._settings, server.child)
            self._ready_file(server).unlink(missing_ok=True)
            self._record_file(server).unlink(missing_ok=True)

    def examples(self, predictor: Predictor) -> Sequence[bytes]:
        """Return request bodies that the model should be able to answer."""
        return self._folders.examples(predictor.version)

    def _server(self, deployment: SeldonDeployment, predictor: Predictor, index: int) -> Server:
        fresh = Server(deployment.namespace, deployment.name, predictor.version.uid, index)
        return self._load(self._record_file(fresh)) or fresh

    def _tend(self, server: Server, deployment: SeldonDeployment, predictor: Predictor) -> Server:
        now = self._clock().timestamp()
        if self._alive(server):
            port = self._ready_port(server)
            if port is not None and port != server.port:
                server = self._save(replace(server, port=port))
            if port is not None and server.deaths and now - server.started_at > SETTLED_SECONDS:
                server = self._save(replace(server, deaths=0, problem=""))
            return server
        if server.started_at and not server.dead:
            _logger.warning("%s has died", server.child)
            problem = f"the model server ended by itself; its log ends with:\n{self._tail(server)}"
            server = replace(server, deaths=server.deaths + 1, dead=True, problem=problem)
            self._save(server)
        if server.deaths >= STARTS_ALLOWED:
            if now - server.started_at < RETRY_SECONDS:
                return server
            server = replace(server, deaths=STARTS_ALLOWED - 1)
        return self._start(server, deployment, predictor, now)

    def _start(
        self, server: Server, deployment: SeldonDeployment, predictor: Predictor, now: float
    ) -> Server:
        # Saved first: a deployer killed between here and the start counts a death too many,
        # never starts a server without a record.
        server = self._save(replace(server, started_at=now, dead=False))
        ready_file = self._ready_file(server)
        ready_file.unlink(missing_ok=True)
        try:
            folder = self._folders.materialise(predictor.version)
            command = self._command(Launch(deployment, predictor, folder, ready_file))
        except PlatformError as err:
            return self._save(replace(server, deaths=STARTS_ALLOWED, dead=True, problem=str(err)))
        log = self._log_file(server)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={k: os.environ[k] for k in _INHERITED if k in os.environ},
                cwd=self._records,
            )
        record_child(self._settings, server.child, process.pid)
        self._mine.append(process)
        _logger.info("started %s, pid %d", server.child, process.pid)
        return server

    def _alive(self, server: Server) -> bool:
        return any(
            child.name == server.child and child.identity.alive()
            for child in children(self._settings)
        )

    def _answers(self, server: Server) -> bool:
        return self._ready_port(server) is not None and self._alive(server)

    def _ready_port(self, server: Server) -> int | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return int(json.loads(self._ready_file(server).read_text())["port"])
        return None

    def _end_unrecorded(self) -> None:
        """End unrecorded servers, which a deployer started just before it was killed."""
        recorded = {child.identity.pid for child in children(self._settings)}
        started = self._launchers()
        for pid, parent in started.items():
            # A launcher's own child, forked with the same command line, ends with it.
            if pid not in recorded and parent not in started:
                Identity.of(pid).send(signal.SIGTERM)

    def _launchers(self) -> dict[int, int]:
        """Return each process that names a ready file of this storage root, with its parent."""
        marker = str(self._records)
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(w.startswith(marker) and w.endswith(".ready") for w in words):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    found[int(entry.name)] = int(fields[1])
        return found

    def _log_end(self, server: Server) -> str:
        tail = self._tail(server)
        return f"the log ends with:\n{tail}" if tail else ""

    def _tail(self, server: Server) -> str:
        with suppress(OSError):
            lines = self._log_file(server).read_text(errors="replace").splitlines()
            return "\n".join(lines[-TAIL_LINES:])
        return ""

    def _record_file(self, server: Server) -> Path:
        return self._records / f"{server.child}.json"

    def _ready_file(self, server: Server) -> Path:
        return self._records / f"{server.child}.ready"

    def _log_file(self, server: Server) -> Path:
        return self._settings.folder("logs") / f"{server.child}.log"

    def _save(self, server: Server) -> Server:
        write_json(self._record_file(server), asdict(server))
        return server

    def _load(self, path: Path) -> Server | None:
        with suppress(OSError, ValueError, TypeError):
            return Server(**cast("dict[str, str]", json.loads(path.read_text())))  # type: ignore[arg-type]
        return None
