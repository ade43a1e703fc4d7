"""Measures making and verifying the dossier of a model with a long life, as processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Target
from infra.stores.db import transaction
from registry.audit.adapters import events
from registry.audit.adapters.events import Happened
from registry.domain.records import Act
from registry.dossier import page
from registry.dossier.domain.dossier import Dossier
from tests.integration.registry.dossier import kit
from tests.integration.registry.dossier.kit import Office
from tests.integration.registry.lineage.world import minute
from tests.support.stores import put_database

VERSIONS, STEPS = 50, 10
OTHERS = 100_000
"""Events about other models in the same log."""
RUNS = 5
MOST_TO_MAKE, MOST_TO_VERIFY = Target(5), Target(2)
DATA = {"from_stage": "Staging", "to_stage": "Production", "semver": "1.2.0"}


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Let a model have 50 versions among 100,000 other events; make and verify its dossier."""
    root = folder / "root"
    root.mkdir()
    put_database(root)
    with kit.office(root, "") as office:
        _others(office, effort.count(OTHERS))
        name = _life(office)
        while office.sequencer.round():
            pass
        key = folder / "log.vkey"
        key.write_text(f"{office.key}\n")
    file, where = folder / "dossier.html", {**os.environ, "MLOPS_STORAGE_ROOT": str(root)}
    make = ["dossier", f"{name}@{VERSIONS}", "--output", str(file)]
    verify = ["verify", str(file), "--public-key", str(key)]
    runs = effort.count(RUNS)
    made = tuple(_seconds(lambda: _acgs(make, where)) for _ in range(runs))
    verified = tuple(_seconds(lambda: _acgs(verify, {**os.environ})) for _ in range(runs))
    what = f"of a model with {VERSIONS} versions, {_events(file)} events"
    return [
        Row(f"making the dossier {what}: the process", "s", made, MOST_TO_MAKE),
        Row("verifying it: the process", "s", verified, MOST_TO_VERIFY),
        Row("the page", "MB", (file.stat().st_size / 1e6,)),
    ]


def _others(office: Office, count: int) -> None:
    for first in range(0, count, 5_000):
        happened = [Happened(f"other-{n % 500}", 1, DATA) for n in range(min(5_000, count - first))]
        with transaction(office.world.registry.engine) as connection:
            act = Act("alice@cli", 1)
            events.record_many(connection, "model_version.transitioned_stage", happened, act)
        office.sequencer.round()


def _life(office: Office) -> str:
    """Bring version after version through the gate and a rollout; the events lie in the past."""
    world = office.world
    name = world.name()
    for number in range(VERSIONS):
        version = world.register(name, world.run(("loans", f"d{number}", ""), commit="c" * 40))
        office.statement(version)
        if not number:
            world.registry.endpoints.create_endpoint(name, "acgs", kit.PLAN, "o@cli", _past(0))
        at = 20 * number
        office.promote(version, _past(at), "ben@cli", "cleo@cli")
        for step in range(1, STEPS):
            office.step(name, 10 * step, _past(at + step))
        world.complete(name, _past(at + STEPS))
    return name


def _past(minutes: float) -> datetime:
    return minute(minutes).replace(year=2021)


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _acgs(words: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "infra", *words],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    require(done.returncode == 0, f"acgs {words[0]} to succeed", done.stderr[-2000:])
    return done.stdout


def _events(file: Path) -> int:
    payload = base64.b64decode(json.loads(page.contained(file.read_bytes()))["payload"])
    return len(Dossier.read(payload)[0].entries)


BENCHMARK = Benchmark(
    "dossier", "making and verifying the dossier of a model with 50 versions", run
)
