"""The scoring queue on a real database, with workers that die at awkward moments."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from compliance.judging.job_queue import LEASE_MS, JobQueue, Phase
from compliance.judging.receiver import PATH, create_app
from compliance.judging.service import Judging
from compliance.judging.worker import Worker
from compliance.role import Life
from compliance.sandbox import Sandbox
from infra import signing
from infra.processes.process import Identity
from infra.settings import Settings
from registry.domain.values import RequestState
from tests.integration.compliance.fakes import REQUEST, FakeRegistry, FakeReports
from tests.integration.compliance.judging.clock import Now
from tests.integration.compliance.judging.test_judging import bind
from tests.integration.compliance.kit import people

SECRET = "a secret of some length"


@pytest.fixture
def worker(
    queue: JobQueue, registry: FakeRegistry, reports: FakeReports, sandbox: Sandbox,
    tmp_path: Path, now: Now,
) -> Worker:  # fmt: skip
    settings = Settings(storage_root=tmp_path / "root")
    bind(settings, tmp_path, people(4000))
    return Worker(queue, registry, Judging(settings, registry, sandbox), reports, now)


def test_a_job_is_judged_settled_reported_and_gone(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, reports: FakeReports
) -> None:
    queue.enqueue(1, "d1")
    assert worker.step()
    assert registry.requests[1].state is RequestState.GRANTED
    assert registry.verdicts[0].report_run_id == "run1"
    assert reports.uploads == {}  # the verdict came first
    assert worker.step()
    assert reports.uploads["run1"]["passed"] is True
    assert not worker.step()
    assert queue.waiting() == 0


def test_the_same_request_is_queued_once(queue: JobQueue) -> None:
    assert queue.enqueue(1, "d1")
    assert not queue.enqueue(1, "d2")


def test_a_redelivery_after_the_end_changes_nothing(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, reports: FakeReports
) -> None:
    for _ in range(2):
        queue.enqueue(1, "d1")
        while worker.step():
            pass
    assert (len(registry.verdicts), len(reports.uploads), queue.waiting()) == (1, 1, 0)


def test_a_registry_that_is_away_only_delays(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, now: Now
) -> None:
    registry.away = True
    queue.enqueue(1, "d1")
    assert worker.step()
    assert not worker.step()
    registry.away = False
    now.pass_seconds(1)
    assert worker.step()
    assert len(registry.verdicts) == 1


def test_mlflow_that_is_away_holds_up_the_report_not_the_verdict(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, reports: FakeReports, now: Now
) -> None:
    reports.away = True
    queue.enqueue(1, "d1")
    worker.step()
    assert registry.requests[1].state is RequestState.GRANTED
    worker.step()
    reports.away = False
    now.pass_seconds(20)
    while worker.step():
        pass
    assert list(reports.uploads) == ["run1"]
    assert registry.reports == {1: "run1"}


def test_a_cancelled_request_is_not_judged(
    worker: Worker, queue: JobQueue, registry: FakeRegistry
) -> None:
    registry.requests[1] = replace(REQUEST, state=RequestState.CANCELLED)
    queue.enqueue(1, "d1")
    worker.step()
    assert (registry.verdicts, queue.waiting()) == ([], 0)


def test_an_observed_request_is_judged_although_it_was_granted(
    worker: Worker, queue: JobQueue, registry: FakeRegistry
) -> None:
    registry.requests[1] = replace(REQUEST, state=RequestState.GRANTED)
    queue.enqueue(1, "d1")
    worker.step()
    assert len(registry.verdicts) == 1


def test_a_lost_webhook_is_made_up_for(worker: Worker, queue: JobQueue, now: Now) -> None:
    worker._sweep()
    assert queue.waiting() == 1


def test_a_living_owner_keeps_its_job_until_the_lease_runs_out(
    engine: Engine, queue: JobQueue, now: Now
) -> None:
    queue.enqueue(1, "d1")
    elsewhere = JobQueue(engine, "otherhost|1|birth", now)
    assert elsewhere.claim() is not None
    assert queue.claim() is None
    now.pass_seconds(LEASE_MS / 1000 + 1)
    assert queue.claim() is not None


def test_two_lanes_of_one_process_do_not_do_the_same_job(
    engine: Engine, queue: JobQueue, now: Now
) -> None:
    beside = JobQueue.of_lane(engine, 2, now)
    queue.enqueue(1, "d1")
    assert queue.claim() is not None
    assert beside.claim() is None


def test_whoever_lost_a_job_cannot_end_it(engine: Engine, queue: JobQueue, now: Now) -> None:
    beside = JobQueue.of_lane(engine, 2, now)
    queue.enqueue(1, "d1")
    slow = queue.claim()
    assert slow is not None
    now.pass_seconds(LEASE_MS / 1000 + 1)
    assert beside.claim() is not None
    queue.finish(slow)
    assert queue.waiting() == 1


def test_a_job_of_a_dead_process_is_taken_over_at_once(
    engine: Engine, queue: JobQueue, now: Now
) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    identity = Identity.of(child.pid)
    host = queue.owner.split("|")[0]
    theirs = JobQueue(engine, f"{host}|{identity.pid}|{identity.birth}", now)
    queue.enqueue(1, "d1")
    assert theirs.claim() is not None
    assert queue.claim() is None
    child.kill()
    child.wait()
    assert queue.claim() is not None


def test_a_successor_finishes_what_was_judged_but_not_attached(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, reports: FakeReports
) -> None:
    queue.enqueue(1, "d1")
    job = queue.claim()
    assert job is not None
    queue.judged(job, {"half": True}, "run-of-the-dead")
    while worker.step():
        pass
    assert registry.verdicts[0].report_run_id == "run-of-the-dead"
    assert list(reports.uploads) == ["run-of-the-dead"]


def test_a_successor_owes_the_report_of_a_request_that_is_decided(
    worker: Worker, queue: JobQueue, registry: FakeRegistry, reports: FakeReports
) -> None:
    queue.enqueue(1, "d1")
    job = queue.claim()
    assert job is not None
    queue.judged(job, {"subject": {}}, "run7")
    registry.requests[1] = replace(REQUEST, state=RequestState.REFUSED, scorecard_id=1)
    while worker.step():
        pass
    assert (registry.verdicts, list(reports.uploads)) == ([], ["run7"])


def test_scoring_comes_before_reports(queue: JobQueue) -> None:
    queue.enqueue(1, "d1")
    job = queue.claim()
    assert job is not None
    queue.scored(job)
    queue.enqueue(2, "d2")
    first = queue.claim()
    assert first is not None
    assert (first.request_id, first.phase) == (2, Phase.SCORE)


HERE = "http://localhost"


class Client:
    """Asks the receiver without a socket."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())


@pytest.fixture
def client(queue: JobQueue) -> Client:
    return Client(create_app(SECRET, queue.enqueue, Life().probe))


def post(client: Client, event: Any, secret: str = SECRET) -> Any:
    body = json.dumps(event).encode()
    headers = signing.signed_headers(secret, "delivery-1", int(time.time()), body)
    return client.ask("POST", PATH, content=body, headers=headers)


def created(request_id: object) -> dict[str, object]:
    return {
        "entity": "transition_request",
        "action": "created",
        "data": {"request_id": request_id},
    }


def test_a_signed_event_is_kept_before_it_is_acknowledged(client: Client, queue: JobQueue) -> None:
    assert post(client, created(5)).status_code == 202
    assert post(client, created(5)).json() == {"request_id": 5, "new": False}
    assert queue.waiting() == 1


@pytest.mark.parametrize(
    ("event", "secret", "status"),
    [
        (created(5), "another secret", 403),
        ([1, 2], SECRET, 400),
        (created("5"), SECRET, 400),
        (created(2**63), SECRET, 400),
        ({"entity": "approval", "action": "given", "data": {}}, SECRET, 200),
    ],
)
def test_anything_else_is_not_queued(
    client: Client, queue: JobQueue, event: Any, secret: str, status: int
) -> None:
    assert post(client, event, secret).status_code == status
    assert queue.waiting() == 0


def test_health_says_starting_until_the_worker_goes_round(client: Client) -> None:
    answer = client.ask("GET", "/health")
    assert (answer.status_code, answer.json()["status"]) == (503, "starting")
