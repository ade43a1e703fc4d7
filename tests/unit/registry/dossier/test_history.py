"""What events tell of a model."""

from __future__ import annotations

import pytest

from registry.dossier.domain.history import History
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.operation import endpoint_of
from registry.dossier.domain.selection import is_about, spans_of
from registry.dossier.errors import NothingThenError
from tests.unit.registry.dossier.told import event, registered


def renamed(from_name: str, to_name: str) -> LoggedEvent:
    return event("model.renamed", to_name, from_name=from_name, to_name=to_name)


def history(*events: LoggedEvent) -> History:
    renames = [one for one in events if one.type == "model.renamed"]
    spans = spans_of("credit", renames)
    return History.of(spans, [one for one in events if is_about(one, spans)])


def test_a_model_is_followed_through_its_names_and_back() -> None:
    before, first, second = event("x", "credit"), renamed("credit", "loans"), event("x", "loans")
    third, last, stranger = renamed("loans", "credit"), event("x", "credit"), event("x", "loans")
    spans = spans_of("credit", [first, third])
    assert [(span.name, span.since, span.until) for span in spans] == [
        ("credit", third.sequence, None),
        ("loans", first.sequence, third.sequence),
        ("credit", 0, first.sequence),
    ]
    events = [before, first, second, third, last, stranger]
    assert [is_about(one, spans) for one in events] == [True] * 5 + [False]


def test_events_of_others_that_bear_the_name_are_left_out() -> None:
    spans = spans_of("credit", [])
    assert not is_about(event("webhook.created", "credit"), spans)
    assert not is_about(event("service_token.created", "credit"), spans)
    assert is_about(event("constitution.changed", "constitution"), spans)
    assert is_about(event("access.changed", "access"), spans)


def test_another_model_that_took_its_name_along_leaves_no_version_behind() -> None:
    found = history(
        registered(1, "1.0.0"),
        event("model_version.alias_changed", version=1, alias="champion", to_version=1),
        renamed("credit", "elsewhere"),
        registered(1, "0.1.0"),
    )
    assert found.find("credit", "1").semver == "0.1.0"
    with pytest.raises(NothingThenError):
        found.find("credit", "champion")


def test_a_number_that_was_given_again_names_the_newer_version() -> None:
    found = history(
        registered(1, "1.0.0"),
        event("model_version.transitioned_stage", version=1, to_stage="Production"),
        event("model_version.deleted", version=1),
        registered(1, "1.1.0"),
    )
    assert found.find("credit", "1").semver == "1.1.0"
    assert found.find("credit", "1").stage == "None"
    assert [version.semver for version in found.versions] == ["1.0.0", "1.1.0"]
    with pytest.raises(NothingThenError):
        found.find("credit", "Production")


def test_a_stage_names_its_newest_version_and_an_alias_needs_no_case() -> None:
    found = history(
        *(registered(number, f"1.{number}.0") for number in (1, 2, 3)),
        *(
            event("model_version.transitioned_stage", version=number, to_stage="Staging")
            for number in (1, 2)
        ),
        event("model_version.alias_changed", version=3, alias="Challenger", to_version=3),
    )
    assert found.find("credit", "staging").number == 2
    assert found.find("credit", "CHALLENGER").number == 3
    assert found.find("credit", "1.3.0").number == 3


def test_standing_quarantine_and_hold_are_those_that_last() -> None:
    found = history(
        registered(1, "1.0.0"),
        event("model_version.deprecated", version=1, reason="old"),
        event("model_version.yanked", version=1, reason="wrong"),
        event("artifact.quarantined", version=1),
        event("artifact.released", version=1),
        event("artifact.held", version=1, reason="a lawsuit"),
    ).find("credit", "1")
    assert (found.standing, found.unusable) == ("yanked", None)
    assert found.standing_by is not None
    assert found.standing_by.data["reason"] == "wrong"
    assert found.held is not None


def test_a_rollback_gives_the_traffic_back() -> None:
    events = [
        registered(1, "1.0.0"),
        registered(2, "2.0.0"),
        event("endpoint.created", namespace="acgs"),
        event("rollout.started", version=1, rollout_id=1),
        event("rollout.promoted", version=1, rollout_id=1),
        event("rollout.started", version=2, rollout_id=2),
        event("rollout.step", version=2, rollout_id=2, weight_percent=30),
    ]
    assert traffic(history(*events)) == {"1.0.0": 70, "2.0.0": 30}
    events.append(event("rollout.rolled_back", version=2, rollout_id=2))
    assert traffic(history(*events)) == {"1.0.0": 100}


def traffic(found: History) -> dict[str, int]:
    endpoint = endpoint_of(found)
    assert isinstance(endpoint, dict)
    return {one["version"]: one["percent"] for one in endpoint["traffic"]}
