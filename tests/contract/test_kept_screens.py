"""What voters were shown, kept with their votes on a real store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.access.errors import AccessDeniedError
from registry.domain.records import Request
from registry.gate.errors import NoScreenError, ScreenDamagedError, ShownChangedError
from registry.operations.requests import operations
from registry.screens.screen import gather, screen_of
from registry.views.reads import screen
from tests.support.stores import Databases, Kind
from tests.support.voters import LEAD_AND_SECURITY, Voters, as_person, voters


@pytest.fixture
def site(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Voters]:
    asked: dict[str, Any] = {"approvals": {"lead": 1, "security": 1}}
    with voters(tmp_path, databases.new(kind), adopted=LEAD_AND_SECURITY, **asked) as opened:
        yield opened


def do(site: Voters, who: str, operation: str, request: Request, **asked: Any) -> dict[str, Any]:
    carry_out = operations(site.registry)[operation]
    found: dict[str, Any] = as_person(who, lambda: carry_out({"id": request.id, **asked}))
    return found


def kept(site: Voters, request: Request, vote: int = 1) -> dict[str, Any]:
    return screen(site.registry, {"id": str(request.id), "vote": str(vote)})


def digest(content: str) -> str:
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def test_an_auditor_sees_the_very_screen_after_everything_on_it_changed(site: Voters) -> None:
    request = site.judged()
    before = gather(site.registry, request)
    page = screen_of(site.registry, request).digests.page
    do(site, "lea", "comment", request, comment="is it from this year?")
    with pytest.raises(ShownChangedError, match="the page that you were shown"):
        do(site, "lea", "approve", request, screen=page)
    now = screen_of(site.registry, request)
    voted = do(site, "lea", "approve", request, screen=now.digests.page)
    site.judge(request, points=0.99)
    site.register()
    do(site, "sam", "reject", request, comment="not now")
    found = kept(site, request)
    assert found["facts"].encode() == now.facts
    assert found["page"].encode() == now.page
    assert (digest(found["facts"]), digest(found["page"])) == (
        found["facts_digest"], found["page_digest"],
    )  # fmt: skip
    assert found["facts_digest"] in found["page"]
    assert "is it from this year?" in found["page"]
    assert (found["who"], found["confirmed"]) == ("lea", True)
    told = json.loads(found["facts"])
    assert told["verdict"] == before["verdict"]
    # The later vote had the earlier one before it.
    assert voted["votes"][0]["screen"]["page"] in kept(site, request, vote=2)["facts"]


def test_the_event_of_a_vote_names_what_was_shown(site: Voters) -> None:
    request = site.judged()
    do(site, "lea", "approve", request)
    (event,) = [one for one in site.registry.audit.events() if one.type == "approval.given"]
    found = kept(site, request)
    assert event.data["screen"] == {
        "facts": found["facts_digest"], "page": found["page_digest"], "confirmed": False,
    }  # fmt: skip


def test_the_facts_kept_are_those_that_the_approval_holds_for(site: Voters) -> None:
    request = site.judged()
    do(site, "lea", "approve", request)
    facts = json.loads(kept(site, request)["facts"])
    (event,) = [one for one in site.registry.audit.events() if one.type == "approval.given"]
    shown = dict(facts["request"]["shown"])
    shown.pop("digest")
    assert shown == event.data["shown"]


def test_a_vote_that_is_refused_keeps_nothing(site: Voters) -> None:
    request = site.judged()
    with pytest.raises(AccessDeniedError):
        do(site, "eve", "approve", request)
    with site.registry.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM acgs_screen")).scalar() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM acgs_screen", "found none"),
        ("UPDATE acgs_screen SET body = :forged", "found sha256:"),
        (
            'UPDATE acgs_approval SET screen = \'{"facts": "", "page": "", "confirmed": false}\'',
            "expected an event of the vote",
        ),
    ],
)
def test_a_screen_that_somebody_changed_is_found(site: Voters, change: str, said: str) -> None:
    request = site.judged()
    do(site, "lea", "approve", request)
    with site.registry.engine.begin() as connection:
        connection.execute(text(change), {"forged": b"forged"} if ":forged" in change else {})
    with pytest.raises(ScreenDamagedError, match=said):
        kept(site, request)


def test_a_vote_without_a_screen_says_so(site: Voters) -> None:
    request = site.judged()
    with pytest.raises(NoScreenError, match="one of 0 votes"):
        kept(site, request)
    site.approve(request, "lea")  # as an earlier release took it
    with pytest.raises(NoScreenError, match="kept none"):
        kept(site, request)


def test_what_was_shown_needs_the_right_to_read_the_model(site: Voters) -> None:
    request = site.judged()
    do(site, "lea", "approve", request)
    assert as_person("sam", lambda: kept(site, request))["who"] == "lea"
    with pytest.raises(AccessDeniedError, match="permission read"):
        as_person("eve", lambda: kept(site, request))
