"""`kill -9` of the server, the scorer and the light roles' process while transitions are under way.

The server and the scorer are killed at random. The process that the light roles share is killed at
each boundary of a promotion: while it delivers the first event of each kind in `BOUNDARIES`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.steps.models import Recipe
from tests.support.credit import Registered, register
from tests.support.platform import Platform, started

TRANSITIONS = 50
KILLS = 8
ROLES = ("registry", "compliance")
LIGHT_ROLE = "manager"
BOUNDARIES = (
    "transition_request.created",  # recorded; the scorer may not have heard of it
    "scorecard.attached",  # the verdict is in
    "transition_request.granted",  # no git tag yet
    "rollout.started",  # no model server yet
)
SERVED = 1
"""The version whose model has an endpoint."""
SETTLED_SECONDS = 240.0


class Receiver:
    """A subscriber that counts the events it was sent, and kills who sends at each boundary."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.killed: dict[str, tuple[int, str]] = {}
        """The process that was killed at each boundary, and the event that it was delivering."""
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) == length:
                    receiver.note(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/events"

    def watch(self, platform: Platform) -> None:
        self.platform = platform

    def note(self, sent: dict[str, Any]) -> None:
        kind, uid = f"{sent['entity']}.{sent['action']}", sent["data"]["event_id"]
        with self._lock:
            self.events[uid] += 1
            if kind not in BOUNDARIES or kind in self.killed:
                return
            pid = self.platform.pids().get(LIGHT_ROLE)
            # What a dead process sent before its end is sent again: a boundary's turn comes.
            if pid and pid not in {dead for dead, _ in self.killed.values()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed[kind] = (pid, uid)


def ask(platform: Platform, version: Registered) -> int:
    """Ask as a stubborn client does, until there is an answer; return its status."""
    url = f"{platform.url}/api/2.0/mlflow/model-versions/transition-stage"
    body = {"name": version.name, "version": str(version.number), "stage": "Production"}
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            answer = httpx.post(url, json=body, timeout=60, trust_env=False)
            if answer.status_code in {200, 403}:
                return answer.status_code
        time.sleep(0.2)
    return 0


def kill_at_random(platform: Platform, done: threading.Event, killed: list[str]) -> None:
    rng = random.Random(7)
    order = rng.sample(ROLES * (KILLS // len(ROLES)), KILLS)
    while not done.is_set() and order:
        time.sleep(rng.uniform(0.3, 2.5))
        role = order.pop()
        pid = platform.pids().get(role)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(role)
        else:
            order.insert(0, role)


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_every_event_is_delivered_and_every_request_ends_once(tmp_path: Path) -> None:
    receiver = Receiver()
    with started(tmp_path, ACGS_GATE_WAIT_SECONDS="5") as platform:
        receiver.watch(platform)
        platform.acgs("git", "init", str(tmp_path / "tags"), check=True)
        platform.acgs("webhook", "add", "witness", receiver.url, "--event", "*", check=True)
        versions = [
            register(platform, f"credit-{n}", Recipe.BIASED if n % 5 == 0 else Recipe.BASELINE)
            for n in range(TRANSITIONS)
        ]
        plan = ("--steps", "100", "--hold-seconds", "1")
        platform.acgs("endpoint", "create", versions[SERVED].name, *plan, check=True)
        done, killed = threading.Event(), list[str]()
        killer = threading.Thread(target=kill_at_random, args=(platform, done, killed))
        killer.start()
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda v: ask(platform, v), versions))
        done.set()
        killer.join()
        settle(platform, receiver)
        assert statuses == [403 if n % 5 == 0 else 200 for n in range(TRANSITIONS)]
        assert set(killed) == set(ROLES), f"killed only {killed}"
        assert set(receiver.killed) == set(BOUNDARIES), f"killed only at {receiver.killed}"
        assert len({pid for pid, _ in receiver.killed.values()}) == len(BOUNDARIES)
        assert all(receiver.events[uid] > 1 for _, uid in receiver.killed.values())
        check_outcomes(platform, versions)
        check_deliveries(platform)
        check_tags(platform)
        check_rollout(platform, versions[SERVED])


def settle(platform: Platform, receiver: Receiver) -> None:
    """Wait until nothing is open and nothing waits to be delivered."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        open_requests = platform.json("request", "list", "--open")
        known = {event["uid"] for event in events(platform)}
        # The witness was added before the first request, and hears of all that came after.
        missing = {uid for uid in known if uid not in receiver.events}
        if not open_requests and len(missing) <= before_witness(platform):
            return
        time.sleep(0.5)
    pytest.fail(f"still open: {open_requests}; events not delivered: {len(missing)}")


def events(platform: Platform) -> list[dict[str, Any]]:
    found = platform.json("audit", "log", "--limit", "100000")
    assert isinstance(found, list)
    return found


def before_witness(platform: Platform) -> int:
    """How many events came before the witness subscribed."""
    for count, event in enumerate(events(platform)):
        if event["type"] == "webhook.created" and event["name"] == "witness":
            return count
    raise AssertionError("the witness never subscribed")


def check_outcomes(platform: Platform, versions: list[Registered]) -> None:
    outcomes = Counter[int]()
    moves = Counter[str]()
    for event in events(platform):
        if event["type"] in {"transition_request.granted", "transition_request.refused"}:
            outcomes[event["request_id"]] += 1
        if event["type"] == "model_version.transitioned_stage":
            moves[event["name"]] += 1
    requests = platform.json("request", "list")
    assert {r["id"] for r in requests} == set(outcomes)
    assert set(outcomes.values()) == {1}, "a request ended twice"
    for n, version in enumerate(versions):
        stage = platform.client().get_model_version(version.name, "1").current_stage
        expected = "None" if n % 5 == 0 else "Production"
        assert stage == expected, version
        assert moves[version.name] == (0 if n % 5 == 0 else 1), version


def check_deliveries(platform: Platform) -> None:
    """Each event has one delivery to each webhook that is to hear of it."""
    found = platform.json("webhook", "deliveries", "--limit", "100000")
    assert {delivery["state"] for delivery in found} == {"delivered"}
    assert max(Counter((d["webhook"], d["event_id"]) for d in found).values()) == 1


def check_tags(platform: Platform) -> None:
    """Each version has one tag, and another for its stage if it was granted."""
    expected = Counter[tuple[str, str]]()
    for n in range(TRANSITIONS):
        expected[f"credit-{n}", "register"] = 1
        if n % 5:
            expected[f"credit-{n}", "assign"] = 1
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        found = platform.json("git", "log")
        if len(found) >= expected.total() and not platform.json("git", "status")["unread"]:
            break
        time.sleep(0.5)
    assert Counter((tag["name"], tag["action"]) for tag in found) == expected


def check_rollout(platform: Platform, version: Registered) -> None:
    """The granted version was rolled out, once."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        [rollout] = platform.json("rollout", "list")
        if rollout["finished_at"]:
            break
        time.sleep(0.5)
    assert (rollout["phase"], rollout["candidate"]["version"]) == ("succeeded", version.number)
