"""Votes, comments and lent votes through a real server, by the client for notebooks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from infra.clock import utc_now
from infra.errors import ConflictError, RefusedError, UsageError
from registry.sdk import GovernedClient
from tests.support.replicas import replicas
from tests.support.roles import document
from tests.support.stores import put_database
from tests.support.voters import NAME, Voters, voters

QUORUM = {"lead": 1, "security": 1}
GROUP = "group:Risk, Läufer & Söhne"


@dataclass
class Site:
    url: str
    voters: Voters

    def client(self, user: str) -> GovernedClient:
        return GovernedClient(self.url, user=user)

    def operation(self, user: str, name: str, **asked: object) -> httpx.Response:
        url = f"{self.url}/acgs/api/v1/operations/registry/{name}"
        return httpx.post(url, json=asked, auth=(user, ""), trust_env=False, timeout=30)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("root")
    put_database(root)
    grants = (
        {"role": "all", "to": ["person:admin"]},
        {"role": "author", "to": ["person:ann", "person:ben"]},
        {"role": "lead", "to": ["person:lea"]},
        {"role": "security", "to": ["person:sam", GROUP]},
        {"role": "reader", "to": ["everybody"]},
    )
    approve = ["read", "approve"]
    may = {"author": ["register", "ask"], "lead": approve, "security": approve, "reader": ["read"]}
    adopted = document(*grants, **may)
    url = f"sqlite:///{root / 'registry.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_STORAGE_ROOT", str(root))
        with (
            voters(root, url, identity="open", adopted=adopted, approvals=QUORUM) as opened,
            replicas(root, 1, ACGS_GATE_WAIT_SECONDS="0") as [address],
        ):
            opened.now = utc_now()
            yield Site(address, opened)


def test_people_approve_what_they_looked_at_and_the_request_shows_who_is_missing(
    site: Site,
) -> None:
    request = site.voters.judged()
    lea, sam, ben = site.client("lea"), site.client("sam"), site.client("ben")
    looked = lea.request(request.id)
    assert [(seat.role, seat.by, seat.could) for seat in looked.seats] == [
        ("lead", None, ("person:lea",)), ("security", None, ("person:sam", GROUP)),
    ]  # fmt: skip
    ben.comment(request.id, "retrained on März")
    site.voters.judge(request, points=0.96)
    with pytest.raises(ConflictError, match="changed since"):
        lea.approve(looked, "fine")
    approved = lea.approve(lea.request(request.id), "fine")
    assert [str(seat) for seat in approved.seats] == ["lead: lea", "security: missing"]
    assert [str(comment) for comment in approved.comments] == ["ben@127.0.0.1: retrained on März"]
    assert "lead" in approved._repr_html_()
    withdrawn = lea.approve(request.id, withdraw=True)
    assert [str(vote) for vote in withdrawn.votes] == ["lea approved (withdrawn: by lea)"]
    lea.approve(request.id)
    with pytest.raises(RefusedError, match="ben does not have it"):
        ben.approve(request.id)
    assert sam.approve(request.id).state == "granted"
    with pytest.raises(ConflictError, match="found it granted"):
        sam.approve(request.id)


def test_a_deputy_votes_for_a_lender_over_http(site: Site) -> None:
    request = site.voters.judged()
    until = (utc_now() + timedelta(days=2)).isoformat()
    lent = site.operation("lea", "delegate", to="dan", names=[NAME], until=until).json()["result"]
    assert (lent["lender"], lent["deputy"], lent["in_force"]) == ("lea", "dan", True)
    voted = site.client("dan").approve(request.id, lender="lea")
    assert str(voted.seats[0]) == "lead: dan for lea"
    refused = site.operation("dan", "revoke_delegation", id=lent["id"])
    assert (refused.status_code, refused.json()["error_code"]) == (
        403, "registry.delegation_refused",
    )  # fmt: skip
    assert site.operation("lea", "revoke_delegation", id=lent["id"]).status_code == 200
    again = site.client("lea").request(request.id)
    assert str(again.votes[0]).endswith("(void: lea took the delegation back)")
    rejected = site.client("sam").reject(request.id, "why now?")
    assert rejected.state == "refused"
    assert "why now?" in rejected.reasons[0].found


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"to": "dan", "names": []}, "expected names as 1 to 100 patterns"),
        ({"to": "dan", "names": ["credit["]}, "expected a ']' after every '['"),
        ({"to": "", "names": [NAME]}, "expected the name of another person"),
        ({"to": "LEA", "names": [NAME]}, "expected the name of another person"),
        ({"to": "dan", "names": [NAME], "until": "2026-12-24"}, "offset from UTC"),
        ({"to": "dan", "names": [NAME], "until": "2001-01-01T00:00Z"}, "expected an end after now"),
        ({"to": "dan", "names": [NAME], "until": "2999-01-01T00:00Z"}, "within 366 days"),
    ],
)
def test_a_delegation_that_is_none_is_a_bad_request(
    site: Site, asked: dict[str, object], said: str
) -> None:
    until = (utc_now() + timedelta(days=2)).isoformat()
    answer = site.operation("lea", "delegate", **{"until": until, **asked})
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["message"]


def test_a_rejection_or_a_comment_that_says_nothing_is_a_bad_request(site: Site) -> None:
    request = site.voters.judged()
    lea = site.client("lea")
    for act in (lea.reject, lea.comment):
        with pytest.raises(UsageError):
            act(request.id, " ")
    with pytest.raises(UsageError, match="withdraw alone"):
        lea.approve(request.id, "fine", withdraw=True)
    assert lea.request(request.id).state == "open"
