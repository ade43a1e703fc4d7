"""Where names are proven or roles rule, nobody approves what is theirs, or cancels what is not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from registry.domain.values import RequestState
from registry.errors import OthersRequestError, OwnVersionError
from registry.operations import requests
from tests.support.roles import document
from tests.support.stores import Databases, Kind
from tests.support.voters import ASKER, AUTHOR, LEAD_AND_SECURITY, Voters, as_person, caller, voters


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Iterator[Voters]:
    url = databases.new(Kind.SQLITE)
    with voters(tmp_path, url, adopted=LEAD_AND_SECURITY, approvals=2) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "part"),
    [(ASKER, "asked for it"), ("BEN", "asked for it"), (AUTHOR, "registered it"),
     ("Ann", "registered it")],
)  # fmt: skip
def test_who_has_a_part_in_a_version_does_not_approve_it(
    site: Voters, name: str, part: str
) -> None:
    request = site.judged()
    with pytest.raises(OwnVersionError, match=part):
        site.approve(request, name, groups=("leads",))
    assert "approval.given" not in site.events()


def test_others_approve_and_everybody_may_reject(site: Voters) -> None:
    request = site.judged()
    assert site.approve(request, "lea").state is RequestState.OPEN
    rejected = as_person(
        ASKER,
        lambda: site.registry.approvals.reject(
            request.id, caller(ASKER).actor, "I was wrong", site.now
        ),
    )
    assert rejected.state is RequestState.REFUSED


def test_on_an_open_server_one_person_may_do_both_for_names_are_claims(
    databases: Databases, tmp_path: Path
) -> None:
    with voters(tmp_path, databases.new(Kind.SQLITE), identity="open", approvals=1) as site:
        request = site.judged()
        assert site.approve(request, ASKER).state is RequestState.GRANTED


def test_who_did_not_ask_does_not_cancel(databases: Databases, tmp_path: Path) -> None:
    everybody = document({"role": "all", "to": ["everybody", "person:admin"]})
    with voters(tmp_path, databases.new(Kind.SQLITE), adopted=everybody, approvals=1) as site:
        request = site.judged()
        cancel = requests.operations(site.registry)["cancel"]
        for asked in ({"id": request.id, "dry_run": True}, {"id": request.id}):
            with pytest.raises(OthersRequestError, match="who made request"):
                as_person("mallory", partial(cancel, asked))
        assert site.registry.gate.get_request(request.id).state is RequestState.OPEN
        assert as_person("BEN", lambda: cancel({"id": request.id}))["state"] == "cancelled"


def test_on_an_open_server_anybody_cancels(databases: Databases, tmp_path: Path) -> None:
    with voters(tmp_path, databases.new(Kind.SQLITE), identity="open", approvals=1) as site:
        request = site.judged()
        cancel = requests.operations(site.registry)["cancel"]
        assert as_person("mallory", lambda: cancel({"id": request.id}))["state"] == "cancelled"
