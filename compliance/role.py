"""The `compliance` role: one process that receives webhooks and scores what they ask for."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from compliance.domain import quoting
from compliance.settings import ComplianceSettings, compliance_url
from infra.component import Health, Probe, Role
from infra.errors import PlatformError
from registry.settings import RegistrySettings, tracking_url

if TYPE_CHECKING:
    from compliance.reports.mlflow_runs import Reports
    from compliance.sandbox import Sandbox
    from infra.settings import Settings
    from registry.bootstrap import Registry

NAME = "compliance"
STANDSTILL_SECONDS = 60.0
READY_TIMEOUT_SECONDS = 2.0
LOOK_SECONDS = 0.5
"""Pause between two checks for something to judge."""

log = logging.getLogger(__name__)


class Life:
    """The scorer's health, as `/health` reports it."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self._last_round: float | None = None

    def pulse(self) -> None:
        """Record that the loop has just gone round."""
        self._last_round = time.monotonic()

    def probe(self) -> Probe:
        """Return the scorer's health."""
        if self.failure is not None:
            return Probe(NAME, Health.FAILED, f"the worker ended: {quoting.safe(self.failure)}")
        if self._last_round is None:
            return Probe(NAME, Health.STARTING, "the worker has not begun")
        age_seconds = time.monotonic() - self._last_round
        if age_seconds > STANDSTILL_SECONDS:
            return Probe(NAME, Health.FAILED, f"the worker stands still for {age_seconds:.0f} s")
        return Probe(NAME, Health.OK, f"pid {os.getpid()}")


def run(settings: Settings, stop: threading.Event) -> None:
    """Receive and score until `stop` is set.

    Raises:
        PlatformError: the constitution is not the locked one, the sandbox does not start, or
            models cannot be confined.
    """
    from compliance import bootstrap
    from compliance.constitution import constitution_file
    from compliance.judging.job_queue import JobQueue
    from compliance.judging.receiver import create_app
    from compliance.judging.worker import Worker
    from compliance.reports.mlflow_runs import Reports
    from compliance.sandbox import Limits, Sandbox
    from infra.clock import utc_now
    from infra.identity.own import own_token
    from infra.stores.db import open_engine
    from infra.web import http
    from infra.web.edge import Edge
    from registry.audit.adapters.confinement_waivers import confinement
    from registry.bootstrap import open_registry

    constitution_file.load(settings)
    secret = bootstrap.subscribe(settings)
    edge = Edge.of(settings, settings.of(ComplianceSettings).body_limit_bytes)
    life, ended = Life(), threading.Event()
    registry = open_registry(settings)
    engine = open_engine(settings.sqlalchemy_url)
    limits = Limits(memory_bytes=settings.of(RegistrySettings).model_memory_bytes)
    means = confinement(settings, registry.engine, NAME, utc_now())
    with Sandbox(limits, means=means) as sandbox:
        reports = Reports(tracking_url(settings), own_token(settings))
        judging = bootstrap.open_judging(settings, registry, sandbox)
        lanes = [JobQueue.of_lane(engine, lane) for lane in range(1, sandbox.lanes + 1)]
        workers = [Worker(lane, registry, judging, reports) for lane in lanes]

        def wake() -> None:
            for worker in workers:
                worker.wake.set()

        def enqueue(request_id: int, delivery_id: str) -> bool:
            is_new = lanes[0].enqueue(request_id, delivery_id)
            wake()
            return is_new

        def work() -> None:
            first, *others = [partial(worker.run, ended, life.pulse) for worker in workers]
            threads = [
                threading.Thread(target=_guarded, args=(run, life, ended), name=f"lane-{number}")
                for number, run in enumerate(others, start=2)
            ]
            for beside in threads:
                beside.start()
            first()
            for beside in threads:
                beside.join()

        def warm_up() -> None:
            if _wait_for_versions(registry, ended):
                _warm_up(sandbox, reports)

        thread = threading.Thread(target=_guarded, args=(work, life, ended), name="worker")
        warming = threading.Thread(
            target=_guarded, args=(warm_up, life, ended), kwargs={"once": True}, name="warm-up"
        )
        watch = threading.Thread(target=_forward, args=(stop, ended), name="stop", daemon=True)
        thread.start()
        warming.start()
        watch.start()
        try:
            http.serve(
                create_app(secret, enqueue, life.probe, edge=edge),
                settings.host,
                settings.of(ComplianceSettings).port,
                ended,
                edge,
            )
        finally:
            ended.set()
            wake()
            thread.join(timeout=30)
            warming.join(timeout=30)
    if life.failure is not None:
        raise life.failure


def _guarded(
    work: Callable[[], None], life: Life, ended: threading.Event, *, once: bool = False
) -> None:
    """Run a thread that the role needs; with `once` the thread may end before the role."""
    try:
        work()
    except BaseException as err:
        log.error("the worker failed: %s", quoting.safe(err))
        life.failure = err
        once = False
    finally:
        # Without a worker the role is no use: its supervisor starts it again.
        if not once:
            ended.set()


def _forward(stop: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        if stop.is_set():
            ended.set()


def _wait_for_versions(registry: Registry, ended: threading.Event) -> bool:
    """Wait until there is something to judge. Returns False when the role ends first.

    Judging takes a third of a gigabyte, which a registry without versions need not spend.
    """
    while not ended.is_set():
        try:
            if registry.versions.models(limit=1):
                return True
        except PlatformError as err:
            log.info("the registry cannot be read: %s", quoting.safe(err))
        ended.wait(LOOK_SECONDS)
    return False


def _warm_up(sandbox: Sandbox, reports: Reports) -> None:
    """Load now what the first job would wait for; a job that comes earlier waits with it."""
    started = time.perf_counter()
    thread = threading.Thread(target=_warm_imports, args=(reports,), name="imports", daemon=True)
    thread.start()
    sandbox.start()
    thread.join(timeout=60)
    log.info("warm after %.1f s", time.perf_counter() - started)


def _warm_imports(reports: Reports) -> None:
    for name in (
        "jinja2",
        "pandas",
        "pyarrow.csv",
        "pyarrow.parquet",
        "compliance.evidence.evidence_checks",
    ):
        importlib.import_module(name)
    try:
        reports.warm_up()
    except Exception as err:  # MLflow may come up later; the first report will try again
        log.info("MLflow does not answer yet: %s", quoting.safe(err))


def ready(settings: Settings) -> Probe:
    """Probe the scorer: OK once it answers and its worker goes round. Warm-up goes on meanwhile."""
    from infra.web import own_servers

    url = f"{compliance_url(settings)}/health"
    try:
        answer = own_servers.get(url, timeout_seconds=READY_TIMEOUT_SECONDS).json()
        return Probe(NAME, Health(answer["status"]), str(answer["detail"]))
    except (own_servers.NoAnswerError, ValueError, KeyError) as err:
        return Probe(NAME, Health.STARTING, f"no answer yet: {type(err).__name__}", silent=True)


def compliance_role() -> Role:
    """Return the compliance role."""
    return Role(
        name=NAME,
        summary="Scores versions against the constitution, in throw-away processes",
        run=run,
        ready=ready,
        url=compliance_url,
        ports=lambda settings: (("ACGS_COMPLIANCE_PORT", settings.of(ComplianceSettings).port),),
    )
