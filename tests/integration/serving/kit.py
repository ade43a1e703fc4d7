"""A platform for serving tests: real registry, real Envoy, real processes as model servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import insert, select, update

from infra.clock import to_millis, utc_now
from infra.processes.process import children, end_children
from infra.settings import Settings
from infra.stores.db import transaction
from infra.stores.migrations import upgrade
from registry.adapters import mlflow_tables as mlflow
from registry.bootstrap import Registry, open_registry
from registry.domain.records import Act, Rollout, VersionRecord
from registry.domain.values import Stage
from registry.rollouts.adapters import openings
from serving.bootstrap import open_deployer
from serving.control.controller import Deployer
from serving.engines.local.engine import Command, Launch
from serving.roles import gateway_ready, run_gateway
from serving.settings import ServingSettings, gateway_url
from tests.integration.serving.load import Load
from tests.ports import free_ports

NAME = "credit"
PATH = f"/seldon/acgs/{NAME}/api/v1.0/predictions"


def wait_until(true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def make_settings(root: Path) -> Settings:
    gateway, admin = free_ports(2)
    return Settings(storage_root=root).having(
        ServingSettings(gateway_port=gateway, gateway_admin_port=admin)
    )


@contextlib.contextmanager
def gateway(settings: Settings) -> Iterator[None]:
    """Run the role `gateway` in a thread; Envoy itself is a real process."""
    stop, failure = threading.Event(), []

    def run() -> None:
        try:
            run_gateway(settings, stop)
        except BaseException as err:
            failure.append(err)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(
            lambda: bool(failure) or gateway_ready(settings).health == "ok", "the gateway is ready"
        )
        assert not failure, failure
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not failure, failure


@dataclass
class Backends:
    """Small model servers outside of any deployer."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, **options: float) -> tuple[subprocess.Popen[bytes], int]:
        ready = self.folder / f"{name}.ready"
        words = [f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.serving.backend",
             "--name", name, "--ready-file", str(ready), *words]
        )  # fmt: skip
        self.processes.append(process)
        wait_until(ready.exists, f"backend {name} is ready")
        return process, int(json.loads(ready.read_text())["port"])

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


def backend_command(launch: Launch) -> Sequence[str]:
    return [
        sys.executable, "-m", "tests.integration.serving.backend",
        "--name", launch.predictor.version.semver,
        "--model-folder", str(launch.model_folder),
        "--ready-file", str(launch.ready_file),
    ]  # fmt: skip


@dataclass
class Platform:
    """Registry, gateway and a deployer that can be killed between any two ticks."""

    settings: Settings
    registry: Registry
    store: Callable[[Path], str] = str
    """Takes the folder of a model to be registered to where it is kept; returns its source."""

    def register(
        self, save: Callable[[Path], object] | None = None, **behaviour: Any
    ) -> VersionRecord:
        """Register a real model that `save` writes, or one whose small server behaves so."""
        with transaction(self.registry.engine) as connection:
            known = connection.execute(select(mlflow.model_versions.c.version)).scalars().all()
            number, now = max(known, default=0) + 1, to_millis(utc_now())
            folder = self.settings.storage_root / "models-in" / str(number)
            if save is not None:
                folder.parent.mkdir(exist_ok=True)
                save(folder)
            else:
                folder.mkdir(parents=True)
                (folder / "behaviour.json").write_text(json.dumps({**behaviour, "n": number}))
            source = self.store(folder)
            if number == 1:
                connection.execute(
                    insert(mlflow.registered_models).values(
                        workspace=mlflow.WORKSPACE, name=NAME, creation_time=now,
                        last_updated_time=now,
                    )
                )  # fmt: skip
            connection.execute(
                insert(mlflow.model_versions).values(
                    workspace=mlflow.WORKSPACE, name=NAME, version=number, creation_time=now,
                    last_updated_time=now, current_stage="None", source=source,
                )
            )  # fmt: skip
        inspected = self.registry.files.inspect(source)
        with transaction(self.registry.engine) as connection:
            return self.registry.registration.record_version(
                connection, NAME, inspected, "tester", number
            )

    def roll_out(self, version: VersionRecord) -> Rollout:
        """Do what a granted request for Production does."""
        with transaction(self.registry.engine) as connection:
            connection.execute(
                update(mlflow.model_versions)
                .where(mlflow.model_versions.c.version == version.version)
                .values(current_stage="Production")
            )
            number = openings.open_rollout(
                connection,
                Act("tester", to_millis(utc_now())),
                endpoint=NAME,
                candidate_uid=version.uid,
                candidate_from_stage=Stage.STAGING,
                version=version.version,
            )
        return self.registry.rollouts.rollout(number)

    def endpoint(self, **plan: Any) -> None:
        self.registry.endpoints.create_endpoint(NAME, "acgs", plan, "tester", utc_now())

    def first(self, **behaviour: Any) -> VersionRecord:
        """Register a version and serve it."""
        version = self.register(**behaviour)
        rollout = self.roll_out(version)
        self.wait_phase(rollout, "succeeded")
        return version

    def wait_phase(self, rollout: Rollout, *phases: str, seconds: float = 30.0) -> Rollout:
        wait_until(
            lambda: self.registry.rollouts.rollout(rollout.id).phase in phases,
            f"rollout {rollout.id} is {phases}, last {self.registry.rollouts.rollout(rollout.id)}",
            seconds,
        )
        return self.registry.rollouts.rollout(rollout.id)

    def events(self) -> list[str]:
        return [event.type for event in self.registry.audit.events(name=NAME)]

    def servers(self) -> set[str]:
        """Semantic versions of the model servers that run."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().decode().split("\0")
                    if (
                        any(str(self.settings.storage_root) in w for w in words)
                        and "--name" in words
                    ):
                        found.add(words[words.index("--name") + 1])
        return found

    def kill_server(self, version: VersionRecord) -> None:
        found = [c for c in children(self.settings) if version.uid[:8] in c.name]
        assert len(found) == 1
        kill(found[0].identity.pid)

    @contextlib.contextmanager
    def deployer_process(self) -> Iterator[subprocess.Popen[bytes]]:
        words = [
            str(self.settings.storage_root),
            str(self.settings.of(ServingSettings).gateway_port),
            str(self.settings.of(ServingSettings).gateway_admin_port),
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.serving.deployer_process", *words]
        )
        began = self.settings.folder("run") / "deployer-began"
        try:
            wait_until(
                lambda: began.exists() and began.read_text() == str(process.pid), "it ticks", 60
            )
            yield process
        finally:
            process.kill()
            process.wait()

    def ask(self, path: str = PATH, **headers: str) -> httpx.Response:
        return httpx.post(
            gateway_url(self.settings) + path, json={}, headers=headers, trust_env=False
        )

    @contextlib.contextmanager
    def load(self, connections: int = 8, pause_seconds: float = 0.01) -> Iterator[Load]:
        """Ask for predictions all the time, from a thread of its own."""
        load = Load(
            self.settings.of(ServingSettings).gateway_port,
            PATH,
            connections=connections,
            pause_seconds=pause_seconds,
        )
        thread = threading.Thread(target=lambda: asyncio.run(load.run()))
        thread.start()
        try:
            yield load
        finally:
            load.stop()
            thread.join(20)


@contextlib.contextmanager
def deploying(settings: Settings, command: Command | None = backend_command) -> Iterator[None]:
    """Tick a deployer in a thread; `command` None starts real model servers."""
    stop = threading.Event()

    def run(deployer: Deployer) -> None:
        while not stop.is_set():
            deployer.tick()
            stop.wait(0.1)

    with open_deployer(settings, command=command) as deployer:
        thread = threading.Thread(target=run, args=(deployer,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(20)


@contextlib.contextmanager
def platform(root: Path, template: Path) -> Iterator[Platform]:
    shutil.copy(template, root / "registry.db")
    with running(make_settings(root)) as made:
        yield made


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Platform]:
    """Run the gateway over a database that is there already."""
    registry = open_registry(settings)
    try:
        with gateway(settings):
            yield Platform(settings, registry)
    finally:
        end_children(settings.storage_root, grace_seconds=3.0)
        registry.engine.dispose()


def make_template(folder: Path) -> Path:
    """Return an empty database with the schema of today."""
    settings = Settings(storage_root=folder)
    upgrade(settings)
    return folder / "registry.db"


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
