"""Changing a secret, and testing a subscription, with a receiver that listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from infra import signing
from infra.console.cli import invoke
from infra.errors import UsageError
from infra.identity.principal import Principal
from infra.secrets import Sealer
from registry.webhooks.cli import webhook
from registry.webhooks.domain.rotation import SealedSecrets
from registry.webhooks.rotation import Rotation, RotationUnderWayError
from registry.webhooks.service import UnknownWebhookError
from tests.support.webhooks import Outbox, Received, Receiver, listening, open_outbox, wait_until

OWNER = Principal("ada")
DAY = timedelta(days=1)


@pytest.fixture
def outbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    with open_outbox(tmp_path) as opened:
        yield opened


def rotation(outbox: Outbox) -> Rotation:
    return Rotation(outbox.engine, Sealer(outbox.settings), outbox.clock)


def add(outbox: Outbox, url: str = "http://127.0.0.1:9/hook") -> str:
    return outbox.webhooks.add("ci", url, ["model.renamed"], owner=OWNER, actor="ada")


def delivered(outbox: Outbox, receiver: Receiver) -> Received:
    before = len(receiver.got)
    outbox.publish()
    with outbox.delivering():
        wait_until(lambda: len(receiver.got) > before, "the delivery")
    return receiver.got[-1]


def verifies(outbox: Outbox, secret: str, received: Received) -> bool:
    try:
        now = outbox.clock().timestamp()
        signing.verify(secret, received.headers, received.body, now)
    except signing.SignatureError:
        return False
    return True


def test_a_receiver_verifies_with_either_secret_until_the_new_one_takes_over(
    outbox: Outbox,
) -> None:
    with listening(Receiver()) as receiver:
        old = add(outbox, receiver.url)
        new, _ = rotation(outbox).start("ci", DAY, actor="ada")
        during = delivered(outbox, receiver)
        assert verifies(outbox, old, during)
        assert verifies(outbox, new, during)
        assert not verifies(outbox, "some other secret", during)
        outbox.clock.skip(DAY.total_seconds())
        after = delivered(outbox, receiver)
    assert not verifies(outbox, old, after)
    assert verifies(outbox, new, after)
    assert signing.NEXT_SIGNATURE_HEADER not in after.headers


def test_mlflows_header_keeps_the_old_secret_until_the_change_is_finished(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        old = add(outbox, receiver.url)
        new, _ = rotation(outbox).start("ci", DAY, actor="ada")
        for secret in (old, new):
            found = delivered(outbox, receiver)
            stamp = int(found.headers[signing.TIMESTAMP_HEADER])
            expected = signing.sign(secret, found.delivery_id, stamp, found.body)
            assert found.headers[signing.SIGNATURE_HEADER] == expected
            if secret == old:
                rotation(outbox).finish("ci", actor="ada")


def test_a_second_change_waits_for_the_first_and_a_finished_one_is_forgotten(
    outbox: Outbox,
) -> None:
    add(outbox)
    first, _ = rotation(outbox).start("ci", DAY, actor="ada")
    with pytest.raises(RotationUnderWayError, match="found one until"):
        rotation(outbox).start("ci", DAY, actor="ada")
    outbox.clock.skip(DAY.total_seconds())
    rotation(outbox).start("ci", DAY, actor="ada")
    [found] = outbox.webhooks.list()
    assert outbox.webhooks.sealer.open(found.sealed_secret) == first


def test_what_cannot_be_changed_is_refused_and_stays(outbox: Outbox) -> None:
    with pytest.raises(UnknownWebhookError):
        rotation(outbox).start("ci", DAY, actor="ada")
    add(outbox)
    with pytest.raises(UsageError, match="16 characters"):
        rotation(outbox).start("ci", DAY, "short", actor="ada")
    with pytest.raises(UsageError, match="overlap of 0 to 30 days"):
        rotation(outbox).start("ci", timedelta(days=31), actor="ada")
    with pytest.raises(UsageError, match="under way, found none"):
        rotation(outbox).finish("ci", actor="ada")
    rotation(outbox).start("ci", DAY, actor="ada", dry_run=True)
    outbox.webhooks.ensure("own", "http://127.0.0.1:9/hook", ["*"])
    with pytest.raises(UsageError, match="the platform's own"):
        rotation(outbox).start("own", DAY, actor="ada")
    found = {each.name: each.secrets.next for each in outbox.webhooks.list()}
    assert found == {"ci": None, "own": None}


def test_a_subscription_that_is_added_again_has_one_secret(outbox: Outbox) -> None:
    add(outbox)
    rotation(outbox).start("ci", DAY, actor="ada")
    outbox.webhooks.remove("ci", actor="ada")
    secret = add(outbox)
    [found] = outbox.webhooks.list()
    assert found.secrets == SealedSecrets(found.sealed_secret)
    assert outbox.webhooks.sealer.open(found.sealed_secret) == secret


def test_the_command_line_changes_the_secret_and_tests_the_subscription(
    outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        code = invoke(arguments, webhook)
        return code, capsys.readouterr().out

    answers = iter([200, 500])
    with listening(Receiver(lambda _received: (next(answers), {}))) as receiver:
        assert run("add", "ci", receiver.url, "--event", "*")[0] == 0
        assert run("rotate", "ci", "--dry-run") == (0, "")
        code, secret = run("rotate", "ci", "--overlap-hours", "1")
        assert (code, len(secret.strip())) == (0, 43)
        assert run("test", "ci", "--dry-run") == (0, "")
        assert receiver.got == []
        assert run("test", "ci")[1].startswith("webhook ci: HTTP 200 after ")
        ping = receiver.got[0]
        assert json.loads(ping.body)["data"]["event_type"] == "webhook.ping"
        assert verifies(outbox, secret.strip(), ping)
        assert run("test", "ci")[0] == 1
    assert run("test", "ci")[0] == 1
    assert run("rotate", "ci", "--finish") == (0, "")
    listed = json.loads(run("list", "--json")[1])[0]
    assert (listed["owner"], listed["secret_changes_at"]) == (f"person:{_me(outbox)}", None)
    assert run("deliveries", "ci", "--webhook", "other")[0] == 2
    assert len(json.loads(run("deliveries", "ci", "--json")[1])) == 6


def _me(outbox: Outbox) -> str:
    [found] = outbox.webhooks.list()
    assert found.owner is not None
    return found.owner.key
