"""Measures the adoption of a database that plain MLflow filled: 3,000 models, 10,000 versions."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from sqlalchemy import create_engine

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.processes import finish, plain_environment
from benchmarks.report import Row, Target
from compliance.constitution import constitution_file
from infra.component import Health
from infra.settings import Settings
from registry.adoption.role import ready
from registry.bootstrap import open_registry
from tests.support.plain_mlflow import Version, dump, fill, plain_store
from tests.support.platform import SHIPPED
from tests.support.replicas import replicas

MODELS, VERSIONS = 3_000, 10_000
WITH_FILES = 2_000
READY = Target(1.5)
LIMIT_SECONDS = 1_500.0


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Fill, start, back-fill; and compare MLflow's tables before and after."""
    models, versions = effort.count(MODELS), effort.count(VERSIONS)
    root = folder / "root"
    _govern_all(root)
    settings = Settings(storage_root=root)
    with plain_store(settings.sqlalchemy_url) as store:
        fill(store.engine, _versions(folder / "files", models, versions))
    engine = create_engine(settings.sqlalchemy_url)
    before = dump(engine)
    environment = plain_environment() | {"MLOPS_STORAGE_ROOT": str(root)}
    began = time.monotonic()
    with replicas(root, 1):
        serves = time.monotonic() - began
        light = _role_ready(settings, environment, folder / "role.log")
    done = finish(
        [sys.executable, "-m", "infra", "adoption", "run"],
        folder=folder, environment=environment, log=folder / "run.log",
        limit_seconds=LIMIT_SECONDS,
    )  # fmt: skip
    require(done.code == 0, "the back-fill to succeed", done.tail)
    registry = open_registry(settings)
    recorded = sum(model.versions for model in registry.versions.models(limit=models + 1))
    registry.engine.dispose()
    require(recorded == versions, f"{versions} records", recorded)
    require(dump(engine) == before, "MLflow's tables as they were", "others")
    engine.dispose()
    what = f"{models:,} models, {versions:,} versions"
    return [
        Row(f"{what}: migrations, and the server's first answer", "s", (serves,)),
        Row(f"{what}: the role adoption, from its start to ready", "s", (light,), READY),
        Row(f"{what}: all recorded, in one process", "s", (done.seconds,)),
    ]


def _govern_all(root: Path) -> None:
    document = yaml.safe_load(SHIPPED.read_text())
    document["applies_to"] = [{"pattern": "*", "enforcement": "observe"}]
    target = root / "constitution" / "constitution.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(yaml.safe_dump(document))
    constitution_file.write_lock(target)


def _versions(files: Path, models: int, versions: int) -> Iterator[Version]:
    """Yield models of three or four versions; the first ones have small files, the others none."""
    for count in range(versions):
        number, model = divmod(count, models)
        source = files / f"{model}-{number}"
        if count < WITH_FILES:
            source.mkdir(parents=True)
            (source / "MLmodel").write_text(f"flavors: {{}}\n# {count}\n")
            (source / "model.bin").write_bytes(str(count).encode() * 1000)
        yield Version(f"model-{model:05d}", number + 1, str(source), description="words")


def _role_ready(settings: Settings, environment: dict[str, str], log: Path) -> float:
    with log.open("wb") as sink:
        began = time.monotonic()
        role = subprocess.Popen(
            [sys.executable, "-m", "infra", "run", "adoption"],
            env=environment, stdout=sink, stderr=sink,
        )  # fmt: skip
    try:
        while ready(settings).health is not Health.OK:
            require(time.monotonic() - began < 60, "the role to be ready", log.read_text())
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        role.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            role.wait(30)
        role.kill()


BENCHMARK = Benchmark("adoption", "a database that plain MLflow filled is taken over", run)
