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
from infra.component import Health, Probe, Role

if TYPE_CHECKING:
    from compliance.reports.mlflow_runs import Reports
    from compliance.sandbox import Sandbox
    from infra.settings import Settings

NAME = "compliance"
STANDSTILL_SECONDS = 60.0
READY_TIMEOUT_SECONDS = 2.0

log = logging.getLogger(__name__)


class Life:
    """Whether the scorer does its job, as `/health` tells it."""

    def __init__(self) -> None:
        self.warm = False
        self.failure: BaseException | None = None
        self._last_round = time.monotonic()

    def pulse(self) -> None:
        """Say that the loop has just gone round."""
        self._last_round = time.monotonic()

    def probe(self) -> Probe:
        """Return what was found."""
        if self.failure is not None:
            return Probe(NAME, Health.FAILED, f"the worker ended: {quoting.told(self.failure)}")
        if not self.warm:
            return Probe(NAME, Health.STARTING, "the sandbox is warming up")
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
    from infra.stores.db import open_engine
    from infra.web import http
    from infra.web.edge import Edge
    from registry.audit.adapters.confinement_waivers import confinement
    from registry.bootstrap import open_registry

    constitution_file.load(settings)
    secret = bootstrap.subscribe(settings)
    edge = Edge.of(settings, settings.webhook_body_limit_bytes)
    life, ended = Life(), threading.Event()
    registry = open_registry(settings)
    queue = JobQueue.mine(open_engine(settings.sqlalchemy_url))
    limits = Limits(memory_bytes=settings.model_memory_bytes)
    means = confinement(settings, registry.engine, NAME, utc_now())
    with Sandbox(limits, means=means) as sandbox:
        reports = Reports(settings.tracking_url)
        judging = bootstrap.open_judging(settings, registry, sandbox)
        workers = [Worker(queue, registry, judging, reports) for _ in range(sandbox.lanes)]

        def wake() -> None:
            for worker in workers:
                worker.wake.set()

        def enqueue(request_id: int, delivery_id: str) -> bool:
            is_new = queue.enqueue(request_id, delivery_id)
            wake()
            return is_new

        def work() -> None:
            _warm_up(life, sandbox, reports)
            first, *others = [partial(worker.run, ended, life.pulse) for worker in workers]
            lanes = [
                threading.Thread(target=_guarded, args=(run, life, ended), name=f"lane-{number}")
                for number, run in enumerate(others, start=2)
            ]
            for lane in lanes:
                lane.start()
            first()
            for lane in lanes:
                lane.join()

        thread = threading.Thread(target=_guarded, args=(work, life, ended), name="worker")
        watch = threading.Thread(target=_forward, args=(stop, ended), name="stop", daemon=True)
        thread.start()
        watch.start()
        try:
            http.serve(
                create_app(secret, enqueue, life.probe, edge=edge),
                settings.host,
                settings.compliance_port,
                ended,
                edge,
            )
        finally:
            ended.set()
            wake()
            thread.join(timeout=30)
    if life.failure is not None:
        raise life.failure


def _guarded(work: Callable[[], None], life: Life, ended: threading.Event) -> None:
    try:
        work()
    except BaseException as err:
        log.error("the worker failed: %s", quoting.told(err))
        life.failure = err
    finally:
        # Without a worker the role is no use: its supervisor starts it anew.
        ended.set()


def _forward(stop: threading.Event, ended: threading.Event) -> None:
    while not ended.wait(0.1):
        if stop.is_set():
            ended.set()


def _warm_up(life: Life, sandbox: Sandbox, reports: Reports) -> None:
    started = time.perf_counter()
    thread = threading.Thread(target=_warm_imports, args=(reports,), name="warm-up", daemon=True)
    thread.start()
    sandbox.start()
    thread.join(timeout=60)
    life.pulse()
    life.warm = True
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
        log.info("MLflow is not there yet: %s", quoting.told(err))


def ready(settings: Settings) -> Probe:
    """OK once a warm scorer answers."""
    import httpx

    from infra.web.clients import client

    try:
        answer = (
            client().get(f"{settings.compliance_url}/health", timeout=READY_TIMEOUT_SECONDS).json()
        )
        return Probe(NAME, Health(answer["status"]), str(answer["detail"]))
    except (httpx.HTTPError, ValueError, KeyError) as err:
        return Probe(NAME, Health.STARTING, f"no answer yet: {type(err).__name__}")


def compliance_role() -> Role:
    """Describe the role to the platform."""
    return Role(
        name=NAME,
        summary="Scores versions against the constitution, in throw-away processes",
        run=run,
        ready=ready,
        url=lambda settings: settings.compliance_url,
        ports=lambda settings: (("ACGS_COMPLIANCE_PORT", settings.compliance_port),),
    )
