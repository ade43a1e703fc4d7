from __future__ import annotations

import pytest

from registry.audit.domain.databricks import ALIASES, WITHOUT_EVENT, names_of
from registry.audit.domain.interest import Interest, Outcome, outcome_of, stage_of
from registry.domain.values import RequestKind, Stage

ASKED = {"kind": "transition", "target": "Production"}


@pytest.mark.parametrize(
    ("interest", "wanted"),
    [
        (Interest(("*",)), True),
        (Interest(("transition_request.created",)), True),
        (Interest(("transition_request.granted",)), False),
        (Interest(("*",), names=("cred*",)), True),
        (Interest(("*",), names=("CREDIT",)), True),
        (Interest(("*",), names=("churn", "fraud-*")), False),
        (Interest(("*",), stages=(Stage.PRODUCTION,)), True),
        (Interest(("*",), stages=(Stage.STAGING,)), False),
        (Interest(("*",), outcomes=(Outcome.GRANTED,)), False),
        (Interest(("TRANSITION_REQUEST_CREATED",)), True),
        (Interest(("TRANSITION_REQUEST_TO_PRODUCTION_CREATED",)), True),
        (Interest(("TRANSITION_REQUEST_TO_STAGING_CREATED",)), False),
        (Interest(("MODEL_VERSION_CREATED",)), False),
    ],
)
def test_every_part_of_an_interest_has_to_match(interest: Interest, wanted: bool) -> None:
    assert interest.includes("transition_request.created", "Credit", ASKED) is wanted


def test_an_event_about_no_stage_matches_no_wish_for_one() -> None:
    assert not Interest(("*",), stages=(Stage.PRODUCTION,)).includes("model.renamed", "credit", {})


@pytest.mark.parametrize(
    ("type", "data", "outcome"),
    [
        ("transition_request.granted", {}, Outcome.GRANTED),
        ("transition_request.refused", {}, Outcome.REFUSED),
        ("transition_request.created", {}, None),
        ("scorecard.attached", {"passed": True}, Outcome.PASSED),
        ("scorecard.attached", {"passed": False}, Outcome.FAILED),
        ("scorecard.recorded", {}, Outcome.FAILED),
        ("rollout.rolled_back", {}, Outcome.ROLLED_BACK),
    ],
)
def test_the_outcome_is_read_off_the_event(
    type: str, data: dict[str, object], outcome: Outcome | None
) -> None:
    assert outcome_of(type, data) is outcome


def test_the_stage_is_where_a_version_goes_not_where_it_comes_from() -> None:
    assert stage_of({"from_stage": "Staging", "to_stage": "Production"}) is Stage.PRODUCTION
    assert stage_of({"target": "Staging"}) is Stage.STAGING
    assert stage_of({"from_stage": "Staging"}) is None
    assert stage_of({"target": 7}) is None


def test_databricks_names_are_the_general_one_and_that_of_the_stage() -> None:
    data = {"from_stage": "Staging", "to_stage": "Archived"}
    found = names_of("model_version.transitioned_stage", stage_of(data), data)
    assert found == ("MODEL_VERSION_TRANSITIONED_STAGE", "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED")
    assert names_of("model.renamed", None, {}) == ()


def test_a_request_for_a_copy_is_no_request_for_a_stage() -> None:
    copying = {"kind": "copy", "target": "Production"}
    assert names_of("transition_request.created", Stage.PRODUCTION, copying) == ()


def test_the_stages_of_the_names_are_stages() -> None:
    assert {alias.stage for alias in ALIASES.values()} - {None} < set(Stage)
    assert RequestKind("transition") is RequestKind.TRANSITION


def test_the_names_are_all_twelve_of_databricks() -> None:
    # `RegistryWebhookEvent` of Databricks' SDK.
    assert len({*ALIASES, *WITHOUT_EVENT}) == 12
