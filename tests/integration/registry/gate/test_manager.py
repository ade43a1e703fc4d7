"""The manager as a role, beside a real governed store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.clock import utc_now
from infra.component import Health
from infra.settings import Settings
from infra.stores.db import transaction
from registry import manager
from registry.bootstrap import Registry
from registry.domain.records import Ask, Request
from registry.domain.values import Enforcement, RequestKind, RequestState, Stage, Verdict
from registry.gate.settlement import SettlingLoop
from registry.governance.adapters.evidence_file import binding_digest
from registry.plugin.store import GovernedStore
from registry.webhooks.deliveries import DeliveryPace
from tests.support.stores import put_database
from tests.support.webhooks import Outbox, Receiver, listening, wait_until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GovernedStore]:
    put_database(tmp_path)
    opened = GovernedStore(Settings(storage_root=tmp_path))
    yield opened
    opened.registry.engine.dispose()
    opened.engine.dispose()


def ask(store: GovernedStore, name: str) -> Request:
    """Register a model and ask for Staging; nobody scores it."""
    registry = store.registry
    folder = registry.gate.settings.storage_root / "models" / name
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    store.create_registered_model(name)
    store.create_model_version(name, str(folder))
    version = registry.versions.find_version(name, "1")
    asked = Ask(RequestKind.TRANSITION, version, name, Stage.STAGING, "ada")
    request = registry.gate.open_request(asked, utc_now())
    assert request.state is RequestState.OPEN
    return request


def score(registry: Registry, request: Request, *, approvals: int = 0) -> None:
    """Attach a verdict that passes, without settling."""
    verdict = Verdict(
        score=0.97,
        passed=True,
        enforcement=Enforcement.ENFORCE,
        approvals_needed=approvals,
        reasons=(),
        manifest_digest=request.manifest_digest,
        constitution_digest=registry.governance.current().constitution_digest,
        evidence_digest=binding_digest(registry.gate.settings, request.name),
        document={"score": 0.97},
    )
    registry.gate.attach_verdict(request.id, verdict, utc_now())
    assert registry.gate.get_request(request.id).state is RequestState.OPEN


@contextmanager
def managing(settings: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=manager.run, args=(settings, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_the_role_delivers_settles_and_shows_its_heartbeat(store: GovernedStore) -> None:
    registry = store.registry
    outbox = Outbox(registry.gate.settings, registry.engine)
    assert manager.ready(registry.gate.settings).health is Health.STARTING
    with listening(Receiver()) as receiver:
        outbox.subscribe("scorer", receiver.url, ("transition_request.created",))
        with managing(registry.gate.settings):
            wait_until(lambda: manager.ready(registry.gate.settings).health is Health.OK, "a beat")
            request = ask(store, "credit")
            wait_until(lambda: len(receiver.got) == 1, "the request's event")
            score(registry, request)
            wait_until(
                lambda: registry.gate.get_request(request.id).state is RequestState.GRANTED,
                "the grant",
            )
    assert registry.stages.position(request.version_uid).stage is Stage.STAGING


def test_a_request_scored_while_no_manager_ran_is_settled_at_the_next_start(
    store: GovernedStore,
) -> None:
    request = ask(store, "credit")
    score(store.registry, request)
    SettlingLoop(store.registry.gate, store.registry.engine).step()
    assert store.registry.gate.get_request(request.id).state is RequestState.GRANTED


def test_between_sweeps_only_requests_with_news_are_looked_at(store: GovernedStore) -> None:
    registry = store.registry
    first, second = ask(store, "first"), ask(store, "second")
    loop = SettlingLoop(registry.gate, registry.engine, sweep_seconds=3600)
    loop.step()
    with transaction(registry.engine) as connection:
        # Archived behind the registry's back: to be refused, but there is no event of it.
        connection.execute(
            text("UPDATE model_versions SET current_stage = 'Archived' WHERE name = 'first'")
        )
    score(registry, second)
    loop.step()
    assert registry.gate.get_request(first.id).state is RequestState.OPEN
    assert registry.gate.get_request(second.id).state is RequestState.GRANTED
    loop.sweep_seconds = 0
    loop.step()
    assert registry.gate.get_request(first.id).state is RequestState.REFUSED


def test_a_request_that_waits_for_people_is_left_open(store: GovernedStore) -> None:
    request = ask(store, "credit")
    score(store.registry, request, approvals=1)
    loop = SettlingLoop(store.registry.gate, store.registry.engine, sweep_seconds=0)
    loop.step()
    loop.step()
    assert store.registry.gate.get_request(request.id).state is RequestState.OPEN


def test_a_request_that_cannot_be_settled_holds_up_no_other_and_is_told_once(
    store: GovernedStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = store.registry
    broken, sound = ask(store, "broken"), ask(store, "sound")
    score(registry, broken)
    score(registry, sound)
    with transaction(registry.engine) as connection:
        connection.execute(
            text("UPDATE acgs_scorecard SET enforcement = 'nonsense' WHERE request_id = :id"),
            {"id": broken.id},
        )
    loop = SettlingLoop(registry.gate, registry.engine, sweep_seconds=0)
    with caplog.at_level(logging.WARNING):
        loop.step()
        loop.step()
    assert registry.gate.get_request(sound.id).state is RequestState.GRANTED
    assert caplog.text.count(f"request {broken.id} cannot be settled") == 1


def test_a_loop_that_fails_ends_the_role_so_that_it_is_started_anew(store: GovernedStore) -> None:
    settings = store.registry.gate.settings
    Outbox(settings, store.registry.engine).subscribe("ci", "http://127.0.0.1:9/")
    Outbox(settings, store.registry.engine).publish()
    with transaction(store.registry.engine) as connection:
        # Not JSON: nobody foresaw it.
        connection.execute(text("UPDATE acgs_webhook SET events = '['"))
    with pytest.raises(ValueError, match="Expecting value"):
        manager.run(settings, threading.Event())


def test_the_lease_outlasts_the_deadline_of_an_attempt() -> None:
    assert DeliveryPace().lease_seconds > DeliveryPace().deadline_seconds
