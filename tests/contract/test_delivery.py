from __future__ import annotations

import json
import logging
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event

from infra import signing
from infra.stores.db import open_engine
from registry.webhooks.deliveries import DeliveryPace
from tests.support.stores import Databases, Kind
from tests.support.webhooks import (
    Outbox,
    Received,
    Receiver,
    listening,
    open_outbox,
    wait_until,
)


def test_an_event_is_delivered_once_and_verifies_with_the_secret(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        secret = outbox.subscribe("ci", receiver.url)
        [uid] = outbox.publish()
        with outbox.delivering():
            wait_until(lambda: outbox.count("delivered") == 1, "the delivery")
            time.sleep(0.2)  # room for a second one
    [received] = receiver.got
    [row] = outbox.rows()
    assert signing.verify(secret, received.headers, received.body, time.time()) == row.id
    assert received.event_id == uid
    assert json.loads(received.body)["entity"] == "model"
    assert (row.attempts, row.last_status, row.last_error) == (1, 200, None)
    assert row.delivered_ms >= row.next_attempt_ms - 15_000 > 0


def test_only_events_that_were_asked_for_arrive(outbox: Outbox) -> None:
    with listening(Receiver()) as some, listening(Receiver()) as every:
        outbox.subscribe("some", some.url, ("model.renamed",))
        outbox.subscribe("every", every.url, ("*",))
        [renamed] = outbox.publish()
        [created] = outbox.publish(type="endpoint.created")
        with outbox.delivering():
            wait_until(lambda: outbox.count("pending") == 0, "all deliveries")
    assert some.event_ids == [renamed]
    assert {renamed, created} <= set(every.event_ids)


@pytest.mark.parametrize("status", [500, 503, 404, 302, 429])
def test_any_other_answer_is_retried_with_the_same_id_and_body(outbox: Outbox, status: int) -> None:
    answers = iter([(status, {"Location": "/elsewhere", "Set-Cookie": "a=b"}), (200, {})])
    with listening(Receiver(lambda _: next(answers))) as receiver:
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        with outbox.delivering():
            outbox.wait_for_attempts(1)
            [row] = outbox.rows()
            assert (row.state, row.last_status) == ("pending", status)
            assert row.last_error == f"HTTP {status}"
            outbox.clock.skip(3)
            wait_until(lambda: outbox.count("delivered") == 1, "the second attempt")
    first, second = receiver.got
    assert first.delivery_id == second.delivery_id == row.id
    assert first.body == second.body
    assert second.path == "/hook"
    assert "Cookie" not in second.headers
    assert outbox.rows()[0].attempts == 2


def test_a_refused_connection_is_retried_with_the_same_id(outbox: Outbox) -> None:
    with listening(Receiver()) as gone:
        outbox.subscribe("ci", gone.url)
    outbox.publish()
    with outbox.delivering():
        outbox.wait_for_attempts(1)
        [row] = outbox.rows()
        assert (row.state, row.last_status) == ("pending", None)
        assert "ConnectError" in row.last_error
        with listening(Receiver(), port=int(gone.url.split(":")[2].split("/")[0])) as back:
            outbox.clock.skip(3)
            wait_until(lambda: outbox.count("delivered") == 1, "the second attempt")
    assert [each.delivery_id for each in back.got] == [row.id]


def test_retry_after_is_honoured(outbox: Outbox) -> None:
    with listening(Receiver(lambda _: (503, {"Retry-After": "120"}))) as receiver:
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        before_ms = outbox.clock().timestamp() * 1000
        with outbox.delivering():
            outbox.wait_for_attempts(1)
    assert outbox.rows()[0].next_attempt_ms >= before_ms + 120_000


def test_after_twelve_attempts_it_is_dead_and_the_log_says_so(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    with listening(Receiver(lambda _: (500, {}))) as receiver:
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        with outbox.delivering():
            for attempts in range(1, 12):
                outbox.wait_for_attempts(attempts)
                outbox.clock.skip(62)
            wait_until(lambda: outbox.count("dead") == 1, "the end")
            outbox.clock.skip(3600)
            time.sleep(0.2)  # room for a thirteenth
    [row] = outbox.rows()
    assert len(receiver.got) == row.attempts == 12
    assert {each.delivery_id for each in receiver.got} == {row.id}
    assert f"acgs webhook redeliver {row.id}" in caplog.text


def test_gone_is_dead_at_once_and_can_be_redelivered_under_its_id(outbox: Outbox) -> None:
    statuses = iter([410, 200])
    with listening(Receiver(lambda _: (next(statuses), {}))) as receiver:
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: outbox.count("dead") == 1, "the end")
            [before] = outbox.webhooks.redeliver(actor="ada")
            wait_until(lambda: outbox.count("delivered") == 1, "the second chance")
    assert (before.state, before.attempts, before.last_status) == ("dead", 1, 410)
    assert {each.delivery_id for each in receiver.got} == {before.id}
    assert len(receiver.got) == 2


def test_a_webhook_that_hangs_holds_up_no_other_and_gets_few_at_a_time(outbox: Outbox) -> None:
    release = threading.Event()

    def hang(_received: Received) -> tuple[int, dict[str, str]]:
        release.wait(60)
        return 200, {}

    with listening(Receiver(hang)) as slow, listening(Receiver()) as quick:
        outbox.subscribe("a-slow", slow.url)
        outbox.subscribe("quick", quick.url)
        uids = outbox.publish(30)
        pace = DeliveryPace(per_webhook=3, deadline_seconds=60, lease_seconds=120)
        with outbox.delivering(pace):
            wait_until(lambda: sorted(quick.event_ids) == sorted(uids), "the quick webhook's")
            assert len(slow.got) == 3
            release.set()
            wait_until(lambda: outbox.count("delivered") == 60, "the slow webhook's")
    assert sorted(slow.event_ids) == sorted(uids)


def test_a_receiver_that_trickles_bytes_meets_the_deadline(outbox: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        outbox.subscribe("slow", f"http://127.0.0.1:{server.getsockname()[1]}/")
        outbox.publish()
        with outbox.delivering(DeliveryPace(deadline_seconds=0.5)):
            outbox.wait_for_attempts(1)
        stop.set()
        thread.join()
    assert outbox.rows()[0].last_error == "no answer within 0.5 s"


def test_proxies_of_the_environment_are_ignored(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(Receiver()) as proxy, listening(Receiver()) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/hook"))
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: outbox.count("delivered") == 1, "the delivery")
    assert (len(receiver.got), len(proxy.got)) == (1, 0)


def test_the_name_localhost_reaches_a_receiver_on_either_address(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        outbox.subscribe("ci", receiver.url.replace("127.0.0.1", "localhost"))
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: outbox.count("delivered") == 1, "the delivery")
    assert receiver.got[0].headers["Host"].startswith("localhost:")


def test_a_database_that_stays_locked_is_waited_for(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_outbox(tmp_path, databases.new(Kind.SQLITE)) as outbox:
        wait_for_a_locked(outbox, caplog)


def wait_for_a_locked(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    impatient = open_engine(outbox.settings.sqlalchemy_url)

    @sqlalchemy_event.listens_for(impatient, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=50")

    with listening(Receiver()) as receiver:
        outbox.subscribe("ci", receiver.url)
        [uid] = outbox.publish()
        database = str(outbox.engine.url.database)
        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with caplog.at_level(logging.WARNING), outbox.delivering(engine=impatient):
            wait_until(lambda: "cannot be read or written" in caplog.text, "the warning")
            assert receiver.got == []
            holder.execute("ROLLBACK")
            wait_until(lambda: outbox.count("delivered") == 1, "the delivery")
        holder.close()
    impatient.dispose()
    assert receiver.event_ids == [uid]


def test_a_loop_that_is_stopped_writes_down_what_is_in_flight(outbox: Outbox) -> None:
    arrived, release = threading.Event(), threading.Event()

    def answer(_received: Received) -> tuple[int, dict[str, str]]:
        arrived.set()
        release.wait(60)
        return 200, {}

    with listening(Receiver(answer)) as receiver:
        outbox.subscribe("ci", receiver.url)
        outbox.publish()
        with outbox.delivering(DeliveryPace(grace_seconds=60)):
            assert arrived.wait(60)
            threading.Timer(0.2, release.set).start()
        assert outbox.count("delivered") == 1
    assert len(receiver.got) == 1
