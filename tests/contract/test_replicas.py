"""Several registry servers on one database and one artifact store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from mlflow import MlflowClient

from tests.ports import free_port
from tests.support.credit import Registered, register, unique
from tests.support.platform import Platform

START_SECONDS = 90


@contextmanager
def replica(platform: Platform) -> Iterator[Platform]:
    """Run a second registry server beside the platform's own."""
    port = str(free_port())
    second = Platform(platform.root, {**platform.environment, "ACGS_REGISTRY_PORT": port})
    process = subprocess.Popen(
        [sys.executable, "-m", "infra", "run", "registry"],
        env=dict(second.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        limit = time.monotonic() + START_SECONDS
        while not answers(second) and time.monotonic() < limit:
            assert process.poll() is None
            time.sleep(0.1)
        yield second
    finally:
        process.terminate()
        process.wait(30)


def answers(platform: Platform) -> bool:
    try:
        return httpx.get(f"{platform.url}/acgs/ready", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("platform", ["postgres+s3"], indirect=True)
def test_two_servers_number_judge_and_show_as_one(platform: Platform) -> None:
    name = unique("credit")
    with replica(platform) as second:
        both = (platform, second)
        made: list[Registered] = []
        register(platform, name)

        def make(at: Platform) -> None:
            made.extend(register(at, name) for _ in range(4))

        threads = [threading.Thread(target=make, args=(at,)) for at in both for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(version.number for version in made) == list(range(2, 18))
        found = platform.client().search_model_versions(f"name='{name}'", max_results=50)
        assert sorted(version.tags["acgs.version"] for version in found) == sorted(
            f"1.0.{patch}" for patch in range(17)
        )

        # Asked for at both at once: one request, and both callers see it granted.
        stages: list[str] = []
        threads = [
            threading.Thread(
                target=lambda at: stages.append(at.stage(name, 1, "Production").current_stage),
                args=(at,),
            )
            for at in both
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stages == ["Production", "Production"]
        assert len(platform.json("request", "list", "--name", name)) == 1
        for at in both:
            client: MlflowClient = at.client()
            assert int(client.get_model_version_by_alias(name, "champion").version) == 1
        # The supervisor still sees its own server as the one that is ready.
        assert platform.json("status")["ready"]
