"""Whether a grant follows from the verdict and the votes before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry.dossier.domain.decisions import Adopted, decision_of
from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import History
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.selection import spans_of
from tests.unit.registry.dossier.told import FILES, event, registered

HELD = "sha256:" + "cc" * 32
CARD = "sha256:" + "dd" * 32
OTHER = "sha256:" + "ee" * 32


def card(**more: Any) -> dict[str, Any]:
    return {
        "passed": True,
        "score": 0.97,
        "approvals_needed": 1,
        "subject": {"manifest_digest": FILES},
        "constitution": {"digest": HELD},
        "evidence": {"digest": OTHER},
        **more,
    }


def adopted(digest: str = HELD) -> LoggedEvent:
    return event("constitution.changed", "constitution", digest=digest)


def asked(actor: str = "ada@cli") -> LoggedEvent:
    return about("transition_request.created", actor=actor, target="Production")


def judged(**more: Any) -> LoggedEvent:
    given = {
        "passed": True,
        "score": 0.97,
        "scorecard_digest": CARD,
        "manifest_digest": FILES,
        "constitution_digest": HELD,
        "evidence_digest": OTHER,
    }
    return about("scorecard.attached", **{**given, **more})


def vote(actor: str, kind: str = "given", files: str = FILES, **more: Any) -> LoggedEvent:
    return about(f"approval.{kind}", actor=actor, manifest_digest=files, **more)


def granted() -> LoggedEvent:
    return about("transition_request.granted")


def about(type: str, **more: Any) -> LoggedEvent:
    return event(type, version=1, request_id=7, **more)


VERDICT, FILES_SAME, CONSTITUTION, SAID, VOTES, ASKER, REJECTED = range(7)

STORIES: dict[str, tuple[list[LoggedEvent], dict[int, str]]] = {
    "as it should be": ([adopted(), asked(), judged(), vote("ben@cli"), granted()], {}),
    "no verdict": (
        [adopted(), asked(), vote("ben@cli"), granted()],
        {VERDICT: "no", 1: "not recorded", 2: "not recorded"},
    ),
    "a verdict that failed": (
        [adopted(), asked(), judged(passed=False), vote("ben@cli"), granted()],
        {VERDICT: "no", SAID: "no"},
    ),
    "a verdict about other files": (
        [adopted(), asked(), judged(manifest_digest=OTHER), vote("ben@cli"), granted()],
        {FILES_SAME: "no", SAID: "no"},
    ),
    "an older constitution": (
        [adopted(), adopted(OTHER), asked(), judged(), vote("ben@cli"), granted()],
        {CONSTITUTION: "no"},
    ),
    "a constitution that nobody adopted": (
        [asked(), judged(), vote("ben@cli"), granted()],
        {CONSTITUTION: "not recorded"},
    ),
    "a scorecard that is gone": (
        [adopted(), asked(), judged(scorecard_digest=OTHER), vote("ben@cli"), granted()],
        {SAID: "not recorded", VOTES: "not recorded", ASKER: "not recorded"},
    ),
    "no approval": ([adopted(), asked(), judged(), granted()], {VOTES: "no", ASKER: "no"}),
    "an approval of other files": (
        [adopted(), asked(), judged(), vote("ben@cli", files=OTHER), granted()],
        {VOTES: "no", ASKER: "no"},
    ),
    "an approval after the grant": (
        [adopted(), asked(), judged(), granted(), vote("ben@cli")],
        {VOTES: "no", ASKER: "no"},
    ),
    "the asker approves under another spelling": (
        [adopted(), asked(), judged(), vote("ADA@127.0.0.1"), granted()],
        {ASKER: "no"},
    ),
    "an approval that was withdrawn": (
        [
            adopted(),
            asked(),
            judged(),
            vote("ben@cli"),
            about("approval.withdrawn", approver="ben@cli"),
            granted(),
        ],
        {VOTES: "no", ASKER: "no"},
    ),
    "a rejection": (
        [adopted(), asked(), judged(), vote("cleo@cli", "rejected"), vote("ben@cli"), granted()],
        {REJECTED: "no"},
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_what_does_not_follow_is_named(story: str) -> None:
    # Numbers of the log are given in the order in which the events stand.
    given, expected = STORIES[story]
    events = [registered(1, "1.0.0"), *given]
    ordered = [replace(one, sequence=number) for number, one in enumerate(events)]
    history = History.of(spans_of("credit", []), ordered)
    (request,) = history.requests.values()
    in_force = [one for one in ordered if one.type == "constitution.changed"]
    documents = Documents({CARD: card()})
    found = decision_of(request, history.versions[0], Adopted(in_force, []), documents)["follows"]
    assert isinstance(found, list)
    holds = {place: one["holds"] for place, one in enumerate(found) if one["holds"] != "yes"}
    assert holds == expected


def test_a_request_that_is_open_has_nothing_to_follow() -> None:
    history = History.of(spans_of("credit", []), [registered(1, "1.0.0"), asked()])
    (request,) = history.requests.values()
    decision = decision_of(request, history.versions[0], Adopted([], []), Documents({}))
    assert (decision["outcome"], decision["follows"]) == ("open", [])


def test_a_vote_says_in_which_role_it_was_given() -> None:
    events = [registered(1, "1.0.0"), asked(), vote("ben@cli", role="security"), vote("cleo@cli")]
    history = History.of(spans_of("credit", []), events)
    (request,) = history.requests.values()
    votes = decision_of(request, history.versions[0], Adopted([], []), Documents({}))["votes"]
    assert isinstance(votes, list)
    assert [vote["role"] for vote in votes] == ["security", "not recorded"]
