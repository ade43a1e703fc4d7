from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from infra.console.cli import invoke
from infra.errors import UsageError
from infra.stores.db import reading, transaction
from registry.adapters import tables
from registry.webhooks.cli import webhook
from registry.webhooks.domain.target import WebhookUrlError
from registry.webhooks.service import (
    REMOVED,
    UnknownDeliveryError,
    UnknownWebhookError,
    WebhookExistsError,
    ensure_subscription,
)
from tests.support.webhooks import Outbox, open_outbox

URL = "http://127.0.0.1:9/hook"
EVENTS = ("transition_request.created",)


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    with open_outbox(tmp_path) as opened:
        yield opened


def audited(outbox: Outbox) -> list[tuple[str, str, dict[str, Any]]]:
    event = tables.event.c
    with reading(outbox.engine) as connection:
        rows = connection.execute(select(event.type, event.actor, event.data).order_by(event.id))
        return [(row.type, row.actor, row.data) for row in rows]


def test_a_subscription_keeps_its_secret_sealed_and_its_audit_free_of_the_path(
    outbox: Outbox,
) -> None:
    secret = outbox.webhooks.add("ci", "https://hooks.example.com/T0K3N", EVENTS, actor="ada")
    [found] = outbox.webhooks.list()
    assert (found.name, found.url, found.events) == (
        "ci",
        "https://hooks.example.com/T0K3N",
        EVENTS,
    )
    assert secret not in found.sealed_secret
    assert outbox.webhooks.sealer.open(found.sealed_secret) == secret
    terms = {"names": [], "stages": [], "outcomes": [], "format": "mlflow"}
    data = {"origin": "https://hooks.example.com", "events": list(EVENTS), **terms}
    assert audited(outbox) == [("webhook.created", "ada", data)]


def test_a_name_is_taken_until_its_subscription_is_removed(outbox: Outbox) -> None:
    first = outbox.webhooks.add("ci", URL, EVENTS, actor="ada")
    with pytest.raises(WebhookExistsError, match="expected a free name"):
        outbox.webhooks.add("ci", URL, EVENTS, actor="ada")
    outbox.webhooks.remove("ci", actor="ada")
    assert outbox.webhooks.list() == []
    with pytest.raises(UnknownWebhookError):
        outbox.webhooks.remove("ci", actor="ada")
    assert outbox.webhooks.add("ci", URL, EVENTS, actor="ada") != first
    assert [each.name for each in outbox.webhooks.list()] == ["ci"]


def test_removing_gives_up_what_was_pending_and_it_cannot_be_redelivered(outbox: Outbox) -> None:
    outbox.webhooks.add("ci", URL, ("model.renamed",), actor="ada")
    outbox.publish(2)
    assert outbox.webhooks.remove("ci", actor="ada", dry_run=True) == 2
    assert outbox.count("pending") == 2
    assert outbox.webhooks.remove("ci", actor="ada") == 2
    found = outbox.webhooks.deliveries("dead")
    assert [each.last_error for each in found] == [REMOVED, REMOVED]
    assert outbox.webhooks.redeliver(actor="ada") == []
    with pytest.raises(UnknownDeliveryError):
        outbox.webhooks.redeliver(found[0].id, actor="ada")
    outbox.publish()
    assert outbox.count("pending") == 0


def test_ensuring_is_idempotent_and_keeps_the_secret_when_the_url_changes(outbox: Outbox) -> None:
    secret = ensure_subscription(outbox.settings, "compliance", URL, EVENTS)
    assert ensure_subscription(outbox.settings, "compliance", URL, list(EVENTS)) == secret
    assert [each[0] for each in audited(outbox)] == ["webhook.created"]
    moved = "http://127.0.0.1:10/hook"
    assert ensure_subscription(outbox.settings, "compliance", moved, ["*"]) == secret
    [found] = outbox.webhooks.list()
    assert (found.url, found.events) == (moved, ("*",))
    assert [each[0] for each in audited(outbox)] == ["webhook.created", "webhook.updated"]
    outbox.webhooks.remove("compliance", actor="ada")
    assert ensure_subscription(outbox.settings, "compliance", URL, EVENTS) != secret


@pytest.mark.parametrize(
    ("name", "url", "events", "secret", "said"),
    [
        ("a b", URL, EVENTS, None, "webhook name"),
        ("ci", URL, (), None, "at least one event type"),
        ("ci", URL, ("renamed",), None, "expected an event type"),
        ("ci", URL, EVENTS, "short", "16 characters or more"),
        ("ci", "http://10.0.0.7/", EVENTS, None, "loopback"),
    ],
)
def test_a_malformed_subscription_is_refused_and_leaves_nothing(
    outbox: Outbox, name: str, url: str, events: tuple[str, ...], secret: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        outbox.webhooks.add(name, url, events, secret, actor="ada")
    assert outbox.webhooks.list() == []
    assert audited(outbox) == []


def test_a_url_that_came_to_mean_another_machine_is_not_sent_to(outbox: Outbox) -> None:
    from registry.webhooks.adapters.http import Sender

    async def post() -> None:
        async with Sender() as sender:
            await sender.post("http://10.0.0.7/", {}, b"")

    import asyncio

    with pytest.raises(WebhookUrlError, match="loopback"):
        asyncio.run(post())


def test_all_dead_deliveries_can_be_made_due_at_once(outbox: Outbox) -> None:
    outbox.webhooks.add("ci", URL, ("model.renamed",), actor="ada")
    outbox.publish(1200)
    with transaction(outbox.engine) as connection:
        connection.execute(tables.delivery.update().values(state="dead", attempts=12))
    assert len(outbox.webhooks.redeliver(actor="ada", dry_run=True)) == 1200
    assert outbox.count("dead") == 1200
    assert len(outbox.webhooks.redeliver(actor="ada")) == 1200
    assert {(row.state, row.attempts) for row in outbox.rows()} == {("pending", 0)}
    kind, actor, data = audited(outbox)[-1]
    assert (kind, actor, data["count"]) == ("webhook.redelivered", "ada", 1200)


def test_the_command_line_adds_shows_redelivers_and_removes(
    outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        code = invoke(arguments, webhook)
        return code, capsys.readouterr().out

    event = ("--event", "model.renamed")
    assert run("add", "ci", URL, *event, "--dry-run") == (0, "")
    assert json.loads(run("list", "--json")[1]) == []
    code, secret = run("add", "ci", URL, *event)
    [found] = outbox.webhooks.list()
    assert (code, secret.strip()) == (0, outbox.webhooks.sealer.open(found.sealed_secret))
    assert json.loads(run("list", "--json")[1])[0]["url"] == URL
    assert run("list")[1].splitlines()[1].split() == [*("ci", "active", "0", "model.renamed", URL)]

    outbox.publish()
    [row] = json.loads(run("deliveries", "--state", "pending", "--json")[1])
    assert (row["webhook"], row["event_type"], row["name"]) == ("ci", "model.renamed", "credit")
    assert row["id"] in run("deliveries", "--webhook", "ci")[1]
    assert run("redeliver", row["id"], "--dry-run") == (0, row["id"] + "\n")
    assert run("redeliver", row["id"]) == (0, row["id"] + "\n")
    assert run("redeliver", "--all-dead") == (0, "")
    assert run("remove", "ci", "--dry-run")[0] == 0
    assert run("remove", "ci")[0] == 0
    assert json.loads(run("list", "--json")[1]) == []


def test_the_command_line_exits_two_on_wrong_usage(
    outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    event = ("--event", "*")
    for arguments in (
        ("redeliver",),
        ("redeliver", "x", "--all-dead"),
        ("redeliver", "no-such-delivery"),
        ("remove", "nobody"),
        ("add", "ci", URL),
        ("add", "ci", "http://10.0.0.7/", *event),
    ):
        assert invoke(arguments, webhook) == 2, arguments
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "rror" in captured.err
