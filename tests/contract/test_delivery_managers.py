"""Several managers, and managers that die."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Executable, insert

from infra import retry
from infra.stores.db import open_engine, reading, transaction
from registry.adapters import tables
from registry.webhooks.adapters import delivery_queue
from registry.webhooks.deliveries import DeliveryPace
from tests.support.webhooks import (
    Outbox,
    Received,
    Receiver,
    listening,
    wait_until,
)

PROJECT = Path(__file__).parents[2]
INDEXED = re.compile("(USING INDEX|Index Scan using|Index Scan on) acgs_delivery_due")
SCANNED = re.compile("(SCAN|Seq Scan on) acgs_delivery")
UNHURRIED = DeliveryPace(deadline_seconds=60, lease_seconds=120)


@contextmanager
def manager_process(outbox: Outbox) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.manager_process"],
        cwd=PROJECT,
        env={
            **os.environ,
            "MLOPS_STORAGE_ROOT": str(outbox.settings.storage_root),
            "ACGS_DATABASE_URL": outbox.settings.database_url,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_two_managers_share_the_work_and_repeat_nothing(outbox: Outbox) -> None:
    other = open_engine(outbox.settings.sqlalchemy_url)
    with listening(Receiver()) as first, listening(Receiver()) as second:
        outbox.subscribe("first", first.url)
        outbox.subscribe("second", second.url)
        uids = outbox.publish(20)
        with outbox.delivering(UNHURRIED), outbox.delivering(UNHURRIED, other):
            uids += outbox.publish(80)
            wait_until(lambda: outbox.count("delivered") == 200, "all deliveries")
    other.dispose()
    for receiver in (first, second):
        assert Counter(receiver.event_ids) == Counter(uids)
    assert {row.attempts for row in outbox.rows()} == {1}


def test_of_many_that_claim_at_once_one_wins_each_delivery(outbox: Outbox) -> None:
    outbox.subscribe("ci", "http://127.0.0.1:9/")
    outbox.publish(60)
    now_ms = int(outbox.clock().timestamp() * 1000) + 1
    start = threading.Barrier(6)
    won: list[str] = []

    def claim() -> None:
        start.wait()
        for _ in range(20):
            with transaction(outbox.engine) as connection:
                claims = delivery_queue.claim(
                    connection, in_flight={}, per_webhook=2, now_ms=now_ms, lease_ms=now_ms + 60_000
                )
            won.extend(each.delivery_id for each in claims)

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(won) == Counter(row.id for row in outbox.rows())


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_cannot_undo_that(
    outbox: Outbox,
) -> None:
    outbox.subscribe("ci", "http://127.0.0.1:9/")
    outbox.publish()

    def claim(now_ms: int) -> list[delivery_queue.LeasedDelivery]:
        with transaction(outbox.engine) as connection:
            return delivery_queue.claim(
                connection, in_flight={}, per_webhook=4, now_ms=now_ms, lease_ms=now_ms + 1000
            )

    start_ms = int(outbox.clock().timestamp() * 1000) + 1
    [stalled] = claim(start_ms)
    assert claim(start_ms + 999) == []
    [successor] = claim(start_ms + 1000)
    again, gone, done = (
        delivery_queue.DeliveryResult(stalled, step, start_ms + 1500, status, None)
        for step, status in (
            (retry.RetryIn(1), 500),
            (retry.Dead("gone"), 410),
            (retry.Delivered(), 200),
        )
    )
    with transaction(outbox.engine) as connection:
        delivery_queue.finish(connection, [again, gone])
    [row] = outbox.rows()
    assert (row.state, row.next_attempt_ms, row.attempts) == ("pending", successor.lease_ms, 0)
    with transaction(outbox.engine) as connection:
        delivery_queue.finish(connection, [done, done])
    [row] = outbox.rows()
    assert (row.state, row.attempts) == ("delivered", 1)


def test_a_manager_killed_again_and_again_in_mid_delivery_loses_no_event(outbox: Outbox) -> None:
    victim: list[int] = []
    kill_at = {1, 7, 16, 30}
    lock = threading.Lock()

    def answer(_received: Received) -> tuple[int, dict[str, str]]:
        with lock:
            if len(receiver.got) >= min(kill_at, default=10**9) and victim:
                kill_at.discard(min(kill_at))
                # The event is here, the answer is not: the sender dies between the two.
                os.kill(victim.pop(), signal.SIGKILL)
        return 200, {}

    with listening(Receiver(answer)) as receiver:
        outbox.subscribe("ci", receiver.url)
        uids = outbox.publish(40)
        while kill_at:
            with manager_process(outbox) as process:
                victim.append(process.pid)
                assert process.wait(60) == -signal.SIGKILL
        assert outbox.count("delivered") < 40
        with manager_process(outbox):
            wait_until(lambda: outbox.count("delivered") == 40, "all deliveries")
    assert set(receiver.event_ids) == set(uids)
    # Receivers can tell repetitions: one id per event, however often it came.
    assert len({each.delivery_id for each in receiver.got}) == 40
    assert len(receiver.got) > 40


def explain(connection: Connection, query: Executable) -> list[str]:
    """Return the database's plan, a line per step."""
    compiled = query.compile(  # type: ignore[attr-defined]
        dialect=connection.dialect, compile_kwargs={"literal_binds": True}
    )
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
        return [str(step.detail) for step in plan]
    # All ten thousand are due here, which PostgreSQL reads faster without any index.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {compiled}").all()]


def test_due_deliveries_are_found_by_index_among_ten_thousand(outbox: Outbox) -> None:
    outbox.subscribe("ci", "http://127.0.0.1:9/")
    outbox.publish()
    now_ms = int(outbox.clock().timestamp() * 1000) + 1
    with transaction(outbox.engine) as connection:
        for start in range(0, 10_000, 2_000):
            numbers = range(start + 100, start + 2_100)
            connection.execute(
                insert(tables.event),
                [
                    {
                        "id": n,
                        "uid": f"e{n}",
                        "type": "model.renamed",
                        "name": "credit",
                        "actor": "ada",
                        "at_ms": now_ms,
                        "data": {},
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                insert(tables.delivery),
                [
                    {"id": f"d{n}", "event_id": n, "webhook_id": 1, "state": "pending",
                     "attempts": 0, "next_attempt_ms": now_ms - 10_000 + n % 2_000}
                    for n in numbers
                ],
            )  # fmt: skip
    queries = [
        delivery_queue.DUE_QUERY.params(now_ms=now_ms, busy=[]),
        delivery_queue.DUE_QUERY.params(now_ms=now_ms, busy=[7, 8]),
        delivery_queue.candidates_query(1, now_ms, 4),
    ]
    with reading(outbox.engine) as connection:
        for query in queries:
            steps = explain(connection, query)
            assert any(INDEXED.search(step) for step in steps), steps
            assert not any(SCANNED.search(step) for step in steps), steps
    with transaction(outbox.engine) as connection:
        claims = delivery_queue.claim(
            connection, in_flight={}, per_webhook=8, now_ms=now_ms, lease_ms=now_ms + 15_000
        )
    assert len(claims) == 8
