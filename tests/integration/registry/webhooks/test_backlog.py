"""What waits for a slow subscriber is bounded, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.adapters import tables
from registry.webhooks.backlog import Backlog, Bounds
from registry.webhooks.domain.terms import Terms
from tests.support.stores import Databases, Kind
from tests.support.webhooks import Outbox, Receiver, listening, open_outbox, wait_until

BOUNDS = Bounds(most=4)
URL = "http://127.0.0.1:9/hook"
RENAMED = ["model.renamed"]


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with open_outbox(tmp_path) as opened:
        yield opened


def backlog(outbox: Outbox) -> Backlog:
    return Backlog(outbox.engine, outbox.clock, BOUNDS)


def is_paused(outbox: Outbox, name: str = "slow") -> bool:
    return any(each.name == name and each.paused_ms is not None for each in outbox.webhooks.list())


def own_events(outbox: Outbox) -> list[str]:
    event = tables.event.c
    with reading(outbox.engine) as connection:
        types = connection.execute(select(event.type).order_by(event.id)).scalars()
        return [type for type in types if type in {"webhook.paused", "webhook.resumed"}]


def paused(outbox: Outbox) -> None:
    outbox.webhooks.add("slow", URL, RENAMED, actor="ada")
    outbox.publish(5)
    backlog(outbox).step()
    assert is_paused(outbox)


def delivered_to_the_end(outbox: Outbox, receiver: Receiver, count: int) -> None:
    with outbox.delivering():
        for done in range(count + 1):
            wait_until(lambda: outbox.count("pending") == 0, f"round {done}")
            backlog(outbox).step()
            if len(receiver.got) >= count and not is_paused(outbox):
                return
    raise AssertionError(f"expected {count} deliveries, found {len(receiver.got)}")


def test_a_subscription_within_its_bounds_is_left_alone(outbox: Outbox) -> None:
    outbox.webhooks.add("slow", URL, RENAMED, actor="ada")
    outbox.publish(BOUNDS.most)
    backlog(outbox).step()
    assert not is_paused(outbox)
    assert own_events(outbox) == []


def test_too_much_pauses_one_subscription_and_no_other(outbox: Outbox) -> None:
    paused(outbox)
    outbox.webhooks.add("other", URL, RENAMED, actor="ada")
    outbox.publish(3)
    waiting = {each.name: each.waiting for each in outbox.webhooks.list()}
    assert waiting == {"slow": 5, "other": 3}
    backlog(outbox).step()
    assert own_events(outbox) == ["webhook.paused"]
    assert not is_paused(outbox, "other")


@pytest.mark.parametrize("kind", list(Kind))
def test_each_event_arrives_once_after_a_pause(
    databases: Databases, kind: Kind, tmp_path: Path
) -> None:
    with open_outbox(tmp_path, databases.new(kind)) as outbox, listening(Receiver()) as receiver:
        outbox.webhooks.add("slow", receiver.url, RENAMED, actor="ada")
        uids = outbox.publish(5)
        backlog(outbox).step()
        assert is_paused(outbox)
        uids += outbox.publish(9)
        assert outbox.count("pending") == 5
        delivered_to_the_end(outbox, receiver, 14)
        uids += outbox.publish(2)
        with outbox.delivering():
            wait_until(lambda: len(receiver.got) == 16, "what came after")
        assert sorted(receiver.event_ids) == sorted(uids)
        assert own_events(outbox) == ["webhook.paused", "webhook.resumed"]


def test_what_waits_stays_bounded_while_a_subscriber_takes_nothing(outbox: Outbox) -> None:
    paused(outbox)
    for _ in range(3):
        outbox.publish(10)
        backlog(outbox).step()
        assert outbox.count("pending") == 5


def test_an_event_that_commits_late_is_still_delivered(outbox: Outbox) -> None:
    """A change that saw the subscription paused may commit after it was resumed."""
    paused(outbox)
    with transaction(outbox.engine) as connection:
        connection.execute(tables.delivery.update().values(state="delivered"))
    backlog(outbox).step()
    assert own_events(outbox) == ["webhook.paused", "webhook.resumed"]
    late = {
        "uid": "late",
        "type": "model.renamed",
        "name": "credit",
        "actor": "ben",
        "at_ms": to_millis(outbox.clock()),
        "data": {},
    }
    with transaction(outbox.engine) as connection:
        connection.execute(insert(tables.event).values(late))
    assert outbox.count("pending") == 0
    backlog(outbox).step()
    assert outbox.count("pending") == 1
    outbox.clock.skip(BOUNDS.settle_seconds + 1)
    backlog(outbox).step()
    with reading(outbox.engine) as connection:
        assert connection.execute(select(tables.webhook.c.caught_up_id)).scalars().all() == [None]
    backlog(outbox).step()
    assert outbox.count("pending") == 1


def test_only_what_the_subscription_wants_and_what_came_after_it_is_queued(
    outbox: Outbox,
) -> None:
    outbox.publish(3)
    outbox.clock.skip(1)
    outbox.webhooks.add("slow", URL, RENAMED, terms=Terms(("credit",)), actor="ada")
    outbox.publish(5)
    backlog(outbox).step()
    outbox.publish(1)
    outbox.publish(4, "model_version.created")
    with transaction(outbox.engine) as connection:
        connection.execute(tables.delivery.update().values(state="delivered"))
    backlog(outbox).step()
    assert outbox.count("pending") == 1


def test_a_subscription_that_is_added_again_is_not_paused(outbox: Outbox) -> None:
    paused(outbox)
    outbox.webhooks.remove("slow", actor="ada")
    outbox.webhooks.add("slow", URL, RENAMED, actor="ada")
    assert not is_paused(outbox)
