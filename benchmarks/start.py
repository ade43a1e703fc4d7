"""Measures start-up, command times, and memory at rest."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.peers import plain_registry_on
from benchmarks.processes import finish, plain_environment
from benchmarks.report import Row, Statistic, Target, compared
from infra.processes import running
from infra.processes.process import children_of
from tests.ports import free_ports

RUNS, ASKED = 5, 10
LIMIT_SECONDS = 180.0
REST_SECONDS = 5.0
"""After which nothing is still being loaded."""
UP = Target(7.0, Statistic.P50)
HELP = Target(0.25, Statistic.P50)
READ = Target(0.5, Statistic.P50)
MEMORY = Target(500.0, Statistic.P50)
READS = (
    "status",
    "health",
    "model list",
    "request list",
    "audit log",
    "endpoint list",
    "rollout list",
    "artifact status",
    "artifact usage",
    "schema status",
    "git status",
)
_PORTS = ("REGISTRY", "GATEWAY", "GATEWAY_ADMIN", "COMPLIANCE")


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Start both several times, in turns; ask the commands while the platform runs."""
    ours: dict[str, list[float]] = {name: [] for name in ("first", "second", "memory")}
    peers: dict[str, list[float]] = {name: [] for name in ours}
    asked: dict[str, list[float]] = {}
    for number in range(effort.count(RUNS)):
        root = folder / f"root-{number}"
        for which in ("first", "second"):
            with _platform(root, folder / "log") as (seconds, environment):
                ours[which].append(seconds)
                if which == "first":
                    time.sleep(REST_SECONDS)
                    ours["memory"].append(_pss_mb(_pids(root)))
                elif not asked:
                    asked = _ask(folder, environment, effort.count(ASKED))
        plain = folder / f"plain-{number}"
        plain.mkdir()
        for which in ("first", "second"):
            began = time.monotonic()
            with plain_registry_on(plain / which, f"sqlite:///{plain / 'mlflow.db'}"):
                peers[which].append(time.monotonic() - began)
                if which == "first":
                    time.sleep(REST_SECONDS)
                    peers["memory"].append(_pss_mb([p.pid for p in psutil.Process().children()]))
    rows = [
        *_beside("`acgs up` until ready, new storage root", "s", ours["first"], peers["first"], UP),
        *_beside("`acgs up` until ready, again", "s", ours["second"], peers["second"], UP),
        *_beside("memory at rest (PSS)", "MB", ours["memory"], peers["memory"], MEMORY),
    ]
    for command, samples in asked.items():
        target = HELP if command == "acgs --help" else READ if command.startswith("acgs") else None
        rows.append(Row(f"`{command}`", "s", tuple(samples), target))
    return rows


def _beside(
    what: str, unit: str, ours: Sequence[float], peers: Sequence[float], target: Target
) -> list[Row]:
    _, peer, ratio = compared(what, unit, ours, peers)
    return [Row(what, unit, tuple(ours), target), peer, ratio]


@contextlib.contextmanager
def _platform(root: Path, log: Path) -> Iterator[tuple[float, dict[str, str]]]:
    """Run the platform; gives how long it took until ready, and its environment."""
    ports = free_ports(len(_PORTS))
    environment = plain_environment() | {
        "MLOPS_STORAGE_ROOT": str(root),
        **{f"ACGS_{name}_PORT": str(port) for name, port in zip(_PORTS, ports, strict=True)},
    }
    try:
        yield _seconds(["up", "--detach"], log, environment), environment
    finally:
        _seconds(["down"], log, environment)


def _ask(folder: Path, environment: dict[str, str], times: int) -> dict[str, list[float]]:
    """Run each command several times, after once to have its files in memory."""
    url = f"http://127.0.0.1:{environment['ACGS_REGISTRY_PORT']}"
    commands = {f"acgs {words}": ["-m", "infra", *words.split()] for words in ("--help", *READS)}
    commands["mlflow --help"] = ["-m", "mlflow", "--help"]
    commands["mlflow experiments search"] = ["-m", "mlflow", "experiments", "search"]
    environment = environment | {"MLFLOW_TRACKING_URI": url}
    log = folder / "asked.log"
    return {
        name: [_run(words, log, environment) for _ in range(times + 1)][1:]
        for name, words in commands.items()
    }


def _seconds(words: Sequence[str], log: Path, environment: dict[str, str]) -> float:
    return _run(["-m", "infra", *words], log, environment)


def _run(words: Sequence[str], log: Path, environment: dict[str, str]) -> float:
    done = finish(
        [sys.executable, "-P", *words],
        folder=log.parent,
        environment=environment,
        log=log,
        limit_seconds=LIMIT_SECONDS,
    )
    require(done.code == 0, f"{' '.join(words)} to succeed", f"{done.code}:\n{done.tail}")
    return done.seconds


def _pids(root: Path) -> list[int]:
    """Return the processes that a storage root's platform started itself."""
    owner = running.live_supervisor(root)
    require(owner is not None, "a platform that runs", "none")
    assert owner is not None
    return [owner.identity.pid, *(child.identity.pid for child in children_of(root))]


def _pss_mb(pids: Sequence[int]) -> float:
    """Return the memory of processes and their descendants; n sharers of a page count 1/n each."""
    found = {}
    for pid in pids:
        top = psutil.Process(pid)
        found.update({each.pid: each for each in (top, *top.children(recursive=True))})
    kilobytes = 0
    for pid in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1000


BENCHMARK = Benchmark("start", "until the platform and its commands are there; memory", run)
