"""The roles as the supervisor runs them: processes that may be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import AlreadyRunningError
from infra.processes.process import children
from infra.settings import Settings
from serving.gateway.envoy import EnvoyGateway
from serving.roles import gateway_ready, run_deployer, run_gateway
from serving.settings import ServingSettings
from tests.integration.serving.kit import kill, make_settings, wait_until


@contextlib.contextmanager
def role(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    environment = os.environ | {
        "MLOPS_STORAGE_ROOT": str(settings.storage_root),
        "ACGS_GATEWAY_PORT": str(settings.of(ServingSettings).gateway_port),
        "ACGS_GATEWAY_ADMIN_PORT": str(settings.of(ServingSettings).gateway_admin_port),
    }
    process = subprocess.Popen([sys.executable, "-m", "infra", "run", "gateway"], env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_killed_gateway_role_adopts_the_envoy_it_left_and_ends_it_on_stop(
    tmp_path: Path,
) -> None:
    settings = make_settings(tmp_path)
    envoy = EnvoyGateway(settings)
    with role(settings) as process:
        wait_until(lambda: gateway_ready(settings).health == "ok", "the gateway is ready", 60)
        epoch = envoy.epoch()
        (left,) = children(settings)
        kill(process.pid)
        process.wait()
        assert left.identity.alive()
        assert envoy.epoch() == epoch
    stop = threading.Event()
    again = threading.Thread(target=run_gateway, args=(settings, stop))
    again.start()
    assert gateway_ready(settings).health == "ok"
    assert envoy.epoch() == epoch
    assert [child.identity for child in children(settings)] == [left.identity]
    stop.set()
    again.join(20)
    assert not left.identity.alive()
    assert children(settings) == []


def test_two_deployers_never_work_on_one_storage_root(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    from serving.roles import _only_one

    with _only_one(settings), pytest.raises(AlreadyRunningError, match="another deployer"):
        run_deployer(settings, threading.Event())
