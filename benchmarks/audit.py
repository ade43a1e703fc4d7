"""Measures the audit log: appending by 16 writers while it is signed, and verifying.

Writers are threads of two processes, as in the platform's servers; the role `manager` numbers and
signs what they write. Each event is inserted by the platform's own function.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from benchmarks.benchmark import Benchmark, Effort, NoDataError, require
from benchmarks.report import Row, Target
from infra.clock import to_millis, utc_now
from infra.servers import postgres
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import open_engine, reading, transaction
from registry.audit.adapters import events
from registry.audit.adapters.events import Happened
from registry.audit.merkle.adapters import keys, leaves, log_files
from registry.audit.merkle.adapters.log_writer import LogWriter
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.entry import StoredEvent, entry_of
from registry.audit.merkle.domain.note import KeyKind, Note, SigningKey
from registry.audit.merkle.domain.tree import leaf_hash
from registry.audit.merkle.health import lag_seconds
from registry.audit.merkle.settings import log_folder
from registry.audit.merkle.verification import Trust, verify
from registry.domain.records import Act

WRITERS = 16
PROCESSES = 2
"""Servers write from several threads each."""
SECONDS = 30.0
PER_TRANSACTION = 25
"""Events of one change to many versions: archiving those of a stage, yanking, taking over."""
EVENTS_PER_SECOND = 4000
PACE = 1.05
"""What the paced writers send, as a part of the rate that is promised."""
LAG_SECONDS = 2.0
VERIFIED = 1_000_000
DATA = {
    "from_stage": "Staging",
    "to_stage": "Production",
    "manifest_digest": "sha256:" + "ab" * 32,
    "semver": "1.2.0",
}


@dataclass(frozen=True)
class Load:
    """What the writers do.

    Attributes:
        per_transaction: events in one.
        per_second: events of all writers together; None for as many as they can.
    """

    per_transaction: int
    per_second: float | None = None

    def __str__(self) -> str:
        """Name it in a row."""
        pace = "at full speed" if self.per_second is None else f"at {self.per_second:,.0f}/s"
        return f"{WRITERS} writers, {self.per_transaction} a transaction, {pace}"


LOADS = (
    Load(PER_TRANSACTION, EVENTS_PER_SECOND * PACE),
    Load(PER_TRANSACTION),
    Load(1),
)


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Append at the rate that is promised and at full speed, then verify a million."""
    rows: list[Row] = []
    with postgres.started() as server:
        for number, load in enumerate(LOADS):
            root = folder / f"append-{number}"
            settings = Settings(storage_root=root, database_url=server.new_database())
            migrations.upgrade(settings)
            rows += _appending(settings, load, effort.seconds(SECONDS))
    return [*rows, *_verifying(folder / "log", effort.count(VERIFIED))]


def _appending(settings: Settings, load: Load, seconds: float) -> list[Row]:
    engine = open_engine(settings.sqlalchemy_url)
    try:
        with _manager(settings), _pool() as pool:
            write = partial(_write, settings.sqlalchemy_url, load, seconds)
            with _Lag(engine) as lag:
                began = time.monotonic()
                total = sum(pool.map(write, range(PROCESSES), chunksize=1))
                taken = time.monotonic() - began
            caught_up = _catch_up(engine, total)
        _require_signed(settings, engine, total)
    finally:
        engine.dispose()
    rate = total / taken
    is_promised = load.per_second is not None
    most = Target(LAG_SECONDS) if is_promised else None
    fastest = Target(1000 / EVENTS_PER_SECOND) if is_promised else None
    return [
        Row(f"{load}: 1,000 events ({rate:,.0f}/s)", "s", (1000 / rate,), fastest, of=total),
        Row(f"{load}: lag of the checkpoint", "s", tuple(lag.samples), most),
        Row(f"{load}: all signed after the last", "s", (caught_up,), most),
    ]


@contextmanager
def _pool() -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        pool.map(_ready, range(PROCESSES), chunksize=1)
        yield pool


def _ready(number: int) -> int:
    """Load in a writer's process what it needs, before the clock runs."""
    time.sleep(0.5)
    return number


def _write(url: str, load: Load, seconds: float, process: int) -> int:
    """Record events from several threads until the time is over; return how many."""
    writers = range(process, WRITERS, PROCESSES)
    with ThreadPoolExecutor(len(writers)) as pool:
        return sum(pool.map(partial(_write_alone, url, load, seconds), writers))


def _write_alone(url: str, load: Load, seconds: float, writer: int) -> int:
    engine, count = open_engine(url), 0
    pause = 0.0
    if load.per_second is not None:
        pause = load.per_transaction * WRITERS / load.per_second
    began = time.monotonic()
    # The writers of a registry do not all begin at the same moment.
    due = began + pause * writer / WRITERS
    while time.monotonic() < began + seconds:
        time.sleep(max(0.0, due - time.monotonic()) if pause else 0.0)
        due += pause
        _record(engine, load.per_transaction, writer)
        count += load.per_transaction
    engine.dispose()
    return count


def _record(engine: Engine, count: int, writer: int) -> None:
    act = Act(f"writer-{writer}@127.0.0.1", to_millis(utc_now()))
    kind = "model_version.created"
    with transaction(engine) as connection:
        if count == 1:
            events.record(connection, kind, act, name="credit", version=1, data=DATA)
            return
        happened = [Happened("credit", number, DATA) for number in range(count)]
        events.record_many(connection, kind, happened, act)


@contextmanager
def _manager(settings: Settings) -> Iterator[None]:
    """Run the role as `acgs run manager` does."""
    environment = {
        **os.environ,
        "MLOPS_STORAGE_ROOT": str(settings.storage_root),
        "ACGS_DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "infra", "run", "manager"]
    log = settings.folder("logs") / "manager.log"
    with log.open("wb") as output:
        child = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        limit = time.monotonic() + 60
        while not (settings.storage_root / "run" / "manager.beat").exists():
            require(child.poll() is None, "a manager that runs", log.read_text()[-2000:])
            require(time.monotonic() < limit, "a manager within 60 s", "none")
            time.sleep(0.1)
        yield
    finally:
        child.terminate()
        child.wait()


@dataclass
class _Lag:
    """Asks all the time how long the first event that no checkpoint covers has been waiting."""

    engine: Engine
    samples: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> _Lag:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.2):
            waiting = _waiting(self.engine)
            self.samples.append(lag_seconds(waiting, to_millis(utc_now())))


def _waiting(engine: Engine) -> leaves.Waiting:
    with reading(engine) as connection:
        return leaves.waiting(connection, leaves.remembered(connection).size)


def _catch_up(engine: Engine, total: int) -> float:
    """Return how many seconds it took until every event was signed."""
    began = time.monotonic()
    while time.monotonic() - began < 120:
        with reading(engine) as connection:
            if leaves.remembered(connection).size == total:
                return time.monotonic() - began
        time.sleep(0.02)
    raise NoDataError(f"expected {total} signed events, found fewer after two minutes")


def _require_signed(settings: Settings, engine: Engine, total: int) -> None:
    """Require that the log verifies, and that the database is the same."""
    from registry.audit.merkle.domain.comparison import compare
    from registry.audit.merkle.verification import proven_entries

    folder = log_folder(settings)
    verified = verify(folder, Trust([keys.own_key(settings, KeyKind.LOG).public]))
    with reading(engine) as connection:
        compared = compare(proven_entries(folder, total), leaves.every_event(connection))
    require(
        (verified.proven.size, compared.same, compared.unlogged) == (total, total, ()),
        f"{total} events in log and database",
        (verified.proven.size, compared),
    )


def _verifying(folder: Path, count: int) -> list[Row]:
    key = _fill(folder, count)
    command = [sys.executable, "-m", "infra", "audit", "verify", str(folder), "--public-key", key]
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    most_kb = 0
    ended = 0
    while not ended:
        most_kb = max(most_kb, _peak_kb(child.pid))
        time.sleep(0.02)
        ended, status, usage = os.wait4(child.pid, os.WNOHANG)
    seconds = time.monotonic() - began
    output = child.stdout.read().decode() if child.stdout else ""
    require(status == 0 and f"{count:,} events" in output, "a sound log", output)
    what = f"acgs audit verify, {count:,} events"
    return [
        Row(f"{what}: the process", "s", (seconds,), Target(10), of=count),
        Row(f"{what}: its processor time", "s", (usage.ru_utime + usage.ru_stime,), of=count),
        Row(f"{what}: its memory", "MB", (most_kb / 1000,), Target(500), of=count),
    ]


def _peak_kb(pid: int) -> int:
    """Return the most memory that a process had; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) if found else 0


def _fill(folder: Path, count: int) -> str:
    """Write a log of some events, as the sequencer would; return its public key."""
    key = SigningKey.of("benchmark", KeyKind.LOG, Ed25519PrivateKey.generate())
    writer = LogWriter.open(folder, None)
    for first in range(0, count, 10_000):
        entries = [
            entry_of(_event(number), number) for number in range(first, min(first + 10_000, count))
        ]
        writer.append(entries, [leaf_hash(entry) for entry in entries])
    checkpoint = Checkpoint(key.public.name, writer.tree.size, writer.tree.root())
    note = Note(checkpoint.text).adding(key.sign(checkpoint.text))
    writer.publish(log_files.CHECKPOINT, str(note))
    writer.close()
    return str(key.public)


def _event(number: int) -> StoredEvent:
    data = f'{{"semver": "1.{number}.0", "manifest_digest": "sha256:{number:064x}", "score": 1}}'
    uid = f"0c4b2c1e-7a11-4f3e-9d5a-{number:012d}"
    name = f"model-{number % 500}"
    return StoredEvent(
        number + 1, uid, "model_version.created", name, 1, None, "alice@cli", number, data
    )


BENCHMARK = Benchmark("audit", "the audit log: appending while it is signed, and verifying", run)
