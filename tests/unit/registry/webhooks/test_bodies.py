from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from registry.webhooks.domain.bodies import body_of
from registry.webhooks.domain.envelope import Occurrence, envelope
from registry.webhooks.domain.terms import Format

REASON = {"rule": "accuracy", "expected": ">= 0.8", "found": "0.7 <!channel>", "fix": "train more"}
REFUSED = Occurrence(
    uid="7b0c",
    type="transition_request.refused",
    name="credit",
    version=3,
    request_id=42,
    actor="acgs",
    at_ms=1_700_000_000_123,
    data={"target": "Production", "reasons": [REASON]},
)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PlainText(Strict):
    type: Literal["plain_text"]
    text: Annotated[str, Field(min_length=1, max_length=150)]


class Markdown(Strict):
    type: Literal["mrkdwn"]
    text: Annotated[str, Field(min_length=1, max_length=3000)]


class Header(Strict):
    type: Literal["header"]
    text: PlainText


class Section(Strict):
    type: Literal["section"]
    text: Markdown


class Context(Strict):
    type: Literal["context"]
    elements: Annotated[list[Markdown], Field(min_length=1, max_length=10)]


class Message(Strict):
    """What Slack documents of an incoming webhook's message, and of its blocks."""

    text: Annotated[str, Field(min_length=1)]
    blocks: Annotated[list[Header | Section | Context], Field(max_length=50)]


LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
Labels = dict[Annotated[str, Field(pattern=LABEL)], Annotated[str, Field(min_length=1)]]


class Alert(Strict):
    """`postableAlert` of Alertmanager's OpenAPI document; only `labels` is required."""

    labels: Labels
    annotations: Labels
    starts_at: Annotated[str, Field(alias="startsAt")]


ALERTS: TypeAdapter[list[Alert]] = TypeAdapter(list[Alert])


def alert_of(event: Occurrence) -> Alert:
    [found] = ALERTS.validate_json(body_of(event, Format.ALERTMANAGER))
    return found


@given(st.text(max_size=4000), st.text(max_size=4000), st.one_of(st.none(), st.integers(1, 99)))
def test_any_event_has_the_shape_that_each_receiver_documents(
    name: str, reason: str, version: int | None
) -> None:
    event = replace(REFUSED, name=name, version=version, data={"reason": reason})
    Message.model_validate_json(body_of(event, Format.SLACK))
    assert alert_of(event).labels["alertname"] == "acgs_transition_request_refused"


def test_a_slack_message_says_what_happened_and_why_and_calls_nobody() -> None:
    message = Message.model_validate_json(body_of(REFUSED, Format.SLACK))
    assert message.text == "transition request refused: credit 3 to Production by acgs"
    section = message.blocks[1]
    assert isinstance(section, Section)
    assert "*Reason:* accuracy: expected &gt;= 0.8, found 0.7 &lt;!channel&gt;" in section.text.text


def test_an_alert_is_the_same_one_for_the_same_request() -> None:
    alert, again = alert_of(REFUSED), alert_of(replace(REFUSED, uid="another", at_ms=0))
    assert alert.labels == again.labels
    assert alert.labels == {
        "alertname": "acgs_transition_request_refused",
        "event_type": "transition_request.refused",
        "name": "credit",
        "version": "3",
        "request_id": "42",
        "stage": "Production",
        "outcome": "refused",
    }
    assert alert.annotations["event_id"] == "7b0c"
    assert datetime.fromisoformat(alert.starts_at).utcoffset() is not None
    assert re.fullmatch(r"\S+T\S+\+00:00", alert.starts_at)


def test_mlflows_format_is_the_envelope_and_names_databricks_events() -> None:
    created = replace(
        REFUSED,
        type="transition_request.created",
        data={"kind": "transition", "target": "Staging"},
    )
    assert body_of(created, Format.MLFLOW) == envelope(created)
    assert json.loads(envelope(created))["data"]["databricks_events"] == [
        "TRANSITION_REQUEST_CREATED",
        "TRANSITION_REQUEST_TO_STAGING_CREATED",
    ]
    assert "databricks_events" not in json.loads(envelope(REFUSED))["data"]
