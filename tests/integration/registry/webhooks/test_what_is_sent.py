"""What a subscription narrows, and what its owner may read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UsageError
from infra.identity.principal import Kind, Principal, Scope, Source
from infra.stores.db import transaction
from registry.audit.adapters.events import Happened, record, record_many
from registry.audit.domain.interest import Outcome
from registry.bootstrap import registry_on
from registry.domain.records import Act
from registry.domain.values import Stage
from registry.webhooks.domain.terms import Format, Terms
from tests.support.roles import document
from tests.support.webhooks import Outbox, Receiver, listening, open_outbox, wait_until

ADA = Principal("ada", groups=("risk",))
URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with open_outbox(tmp_path) as opened:
        yield opened


def happens(outbox: Outbox, type: str, name: str = "credit", **data: object) -> None:
    with transaction(outbox.engine) as connection:
        record(connection, type, Act("ben", 1), name=name, data=data)


def adopt(outbox: Outbox, *grants: dict[str, Any]) -> None:
    lasting = {"role": "all", "to": ["person:admin"]}
    access = registry_on(outbox.engine, outbox.settings).access
    access.adopt(
        document(lasting, *grants, reader=["read"]), ADA, Act("ada", 1), recovering="a test"
    )


def states(outbox: Outbox) -> list[str]:
    return [row.state for row in outbox.rows()]


def test_events_outside_a_subscriptions_terms_make_no_delivery(outbox: Outbox) -> None:
    terms = Terms(("credit*",), (Stage.PRODUCTION,), (Outcome.REFUSED,))
    outbox.webhooks.add("ci", URL, ["*"], terms=terms, actor="ada")
    [found] = outbox.webhooks.list()
    assert found.terms == terms
    happens(outbox, "transition_request.refused", target="Production")
    happens(outbox, "transition_request.refused", target="Staging")
    happens(outbox, "transition_request.granted", target="Production")
    happens(outbox, "transition_request.refused", "churn", target="Production")
    assert len(outbox.rows()) == 1


def test_many_events_at_once_are_narrowed_one_by_one(outbox: Outbox) -> None:
    outbox.webhooks.add("ci", URL, ["*"], terms=Terms(("credit",)), actor="ada")
    outbox.webhooks.add("all", URL, ["model.renamed"], actor="ada")
    happened = [Happened(name, None, {}) for name in ("credit", "churn", "credit")]
    with transaction(outbox.engine) as connection:
        record_many(connection, "model.renamed", happened, Act("ben", 1))
    found = outbox.webhooks.deliveries()
    assert sorted((each.webhook, each.name) for each in found) == [
        ("all", "churn"),
        ("all", "credit"),
        ("all", "credit"),
        ("ci", "credit"),
        ("ci", "credit"),
    ]


def test_names_of_databricks_subscribe_to_what_they_mean(outbox: Outbox) -> None:
    wanted = ["MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"]
    outbox.webhooks.add("ci", URL, wanted, actor="ada")
    moved = "model_version.transitioned_stage"
    happens(outbox, moved, from_stage="Production", to_stage="Archived")
    assert outbox.rows() == []
    happens(outbox, moved, from_stage="Staging", to_stage="Production")
    assert len(outbox.rows()) == 1


def test_a_name_of_databricks_that_means_nothing_here_is_refused(outbox: Outbox) -> None:
    with pytest.raises(UsageError, match="COMMENT_CREATED, which nothing here corresponds to"):
        outbox.webhooks.add("ci", URL, ["COMMENT_CREATED"], actor="ada")


def test_a_format_is_what_is_sent(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        terms = Terms(format=Format.SLACK)
        outbox.webhooks.add("chat", receiver.url, ["model.renamed"], terms=terms, actor="ada")
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: outbox.count("delivered") == 1, "the delivery")
    assert receiver.got[0].body.startswith(b'{"text": "model renamed: credit by ada"')


def test_a_right_that_is_lost_ends_what_is_sent_and_one_regained_sends_it(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        outbox.webhooks.add("ci", receiver.url, ["model.renamed"], owner=ADA, actor="ada")
        adopt(outbox, {"role": "reader", "to": ["person:ada"]})
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: states(outbox) == ["delivered"], "the first")
        adopt(outbox, {"role": "reader", "to": ["person:ada"], "names": ["other-*"]})
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: states(outbox) == ["delivered", "withheld"], "the second")
        assert len(receiver.got) == 1
        [withheld] = outbox.webhooks.deliveries("withheld")
        assert "expected the permission read for credit" in (withheld.last_error or "")
        adopt(outbox, {"role": "reader", "to": ["group:risk"]})
        outbox.webhooks.redeliver(withheld.id, actor="ada")
        with outbox.delivering():
            wait_until(lambda: states(outbox) == ["delivered", "delivered"], "it again")
    assert len(receiver.got) == 2


def test_events_of_the_whole_platform_need_the_right_to_read_every_name(outbox: Outbox) -> None:
    adopt(
        outbox,
        {"role": "reader", "to": ["person:ada"], "names": ["credit"]},
        {"role": "reader", "to": ["person:eve"]},
    )
    with listening(Receiver()) as receiver:
        for name in ("ada", "eve"):
            owner = Principal(name)
            outbox.webhooks.add(name, receiver.url, ["access.changed"], owner=owner, actor=name)
        happens(outbox, "access.changed", "credit")
        with outbox.delivering():
            wait_until(lambda: "pending" not in states(outbox), "both")
        found = {each.webhook: each.state for each in outbox.webhooks.deliveries()}
    assert found == {"ada": "withheld", "eve": "delivered"}


@pytest.mark.parametrize(
    ("scope", "state"),
    [(Scope(("credit",)), "delivered"), (Scope(("other",)), "withheld")],
)
def test_a_service_tokens_limits_go_with_its_subscription(
    outbox: Outbox, scope: Scope, state: str
) -> None:
    owner = Principal("ci", Kind.SERVICE, source=Source.SERVICE_TOKEN, scope=scope)
    with listening(Receiver()) as receiver:
        outbox.webhooks.add("ci", receiver.url, ["model.renamed"], owner=owner, actor="ci")
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: states(outbox) == [state], state)


def test_an_open_platform_and_the_platforms_own_subscription_have_no_limit(outbox: Outbox) -> None:
    with listening(Receiver()) as receiver:
        outbox.webhooks.add("ada", receiver.url, ["model.renamed"], owner=ADA, actor="ada")
        outbox.webhooks.ensure("own", receiver.url, ["model.renamed"])
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: states(outbox) == ["delivered"] * 2, "both")
        adopt(outbox)
        outbox.publish()
        with outbox.delivering():
            wait_until(lambda: "pending" not in states(outbox), "the second")
        found = [(each.webhook, each.state) for each in outbox.webhooks.deliveries()]
    assert sorted(found[:2]) == [("ada", "withheld"), ("own", "delivered")]
