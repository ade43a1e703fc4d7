"""What is said of a request while its grant is being written waits for it, and sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from infra.clock import to_millis, utc_now
from infra.stores.db import transaction
from registry.adapters import locks
from registry.bootstrap import Registry
from registry.domain.records import Request
from registry.domain.values import RequestState
from registry.errors import RequestClosedError
from registry.gate.adapters import decisions
from registry.gate.domain.decision import Granted
from registry.plugin.store import GovernedStore
from tests.contract import test_requests as requests

Act = Callable[[Registry, Request, datetime], Request]

store = requests.store

ACTS: dict[str, Act] = {
    "ask for the same": lambda registry, request, _at: requests.ask(registry, request.version),
    "withdraw": lambda registry, request, at: registry.approvals.withdraw(request.id, "bob", at),
    "comment": lambda registry, request, at: registry.approvals.comment(
        request.id, "bob", "well", at
    ),
    "approve": lambda registry, request, at: registry.approvals.approve(request.id, "bob", "", at),
    "reject": lambda registry, request, at: registry.approvals.reject(request.id, "bob", "no", at),
    "cancel": lambda registry, request, at: registry.gate.cancel(request.id, "bob", at),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_what_meets_a_grant_waits_for_it_and_finds_the_request_granted(
    store: GovernedStore, act: Act
) -> None:
    registry = store.registry
    request = requests.ask(registry, requests.register(store))
    requests.score(registry, request, approvals=1)
    ended: list[RequestState] = []

    def meet() -> None:
        try:
            ended.append(act(registry, request, utc_now()).state)
        except RequestClosedError:
            ended.append(registry.gate.get_request(request.id).state)

    other = threading.Thread(target=meet)
    with transaction(registry.engine) as connection:
        locks.lock_model(connection, requests.NAME)
        other.start()
        # Past its start, where it has read what it reads without the lock.
        other.join(0.3)
        assert other.is_alive()
        decisions.apply(connection, request, Granted(()), to_millis(utc_now()))
    other.join(30)

    assert ended == [RequestState.GRANTED]
    assert [r.state for r in registry.gate.requests()] == [RequestState.GRANTED]
    types = [event.type for event in registry.audit.events()]
    granted = types.index("transition_request.granted")
    assert not {"approval.given", "approval.rejected"} & set(types[granted:])
    assert types.count("model_version.transitioned_stage") == 1
