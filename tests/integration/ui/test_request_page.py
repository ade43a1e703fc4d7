"""Voting on a request's page, in a real Chromium on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from infra.clock import utc_now
from registry.screens import page as screen
from tests.integration.ui.conftest import WAIT_MS, Shoot
from tests.support.replicas import replicas
from tests.support.roles import document
from tests.support.screens import FACTS, FORMS
from tests.support.stores import put_database
from tests.support.voters import Voters, voters

pytestmark = pytest.mark.browser

expect.set_options(timeout=WAIT_MS)


@dataclass
class Site:
    url: str
    voters: Voters

    def page(self, number: int, user: str = "") -> httpx.Response:
        return httpx.get(self._at(number), auth=(user, "") if user else None, trust_env=False)

    def post(
        self, number: int, fields: dict[str, str], user: str = "lea", **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            self._at(number), data=fields, headers=sent, auth=(user, ""), trust_env=False
        )

    def fields(self, number: int, user: str = "lea", **more: str) -> dict[str, str]:
        """Return what the form to approve sends."""
        found = self.page(number, user).text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found)
        return {**dict(reversed(hidden)), **more}

    def votes(self, number: int) -> list[tuple[str, bool]]:
        request = self.voters.registry.gate.get_request(number)
        return [(one.ballot.who, one.ballot.approved) for one in self.voters.people(request).votes]

    def _at(self, number: int) -> str:
        return f"{self.url}/acgs/requests/{number}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("root")
    put_database(root)
    adopted = document(
        {"role": "all", "to": ["person:admin"]},
        {"role": "author", "to": ["person:ann", "person:ben"]},
        {"role": "lead", "to": ["person:lea"]},
        {"role": "security", "to": ["person:sam"]},
        {"role": "reader", "to": ["person:ron"]},
        author=["register", "ask"],
        lead=["read", "approve"],
        security=["read", "approve"],
        reader=["read"],
    )
    url = f"sqlite:///{root / 'registry.db'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_STORAGE_ROOT", str(root))
        quorum = {"lead": 1, "security": 1}
        with (
            voters(root, url, identity="open", adopted=adopted, approvals=quorum) as opened,
            replicas(root, 1, ACGS_GATE_WAIT_SECONDS="0") as [address],
        ):
            opened.now = utc_now()
            yield Site(address, opened)


def test_people_vote_with_the_keyboard_alone_and_a_stale_page_is_refused(
    site: Site, page: Page, shoot: Shoot
) -> None:
    request = site.voters.judged()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"{site.url}/acgs/requests/{request.id}")
    expect(page.get_by_role("note")).to_contain_text("Names are claims")
    shoot("request-page-who")
    page.get_by_label("Your name", exact=True).last.focus()
    page.keyboard.type("lea")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You approve as lead.")).to_be_visible()
    shoot("request-page")
    site.voters.judge(request, points=0.96)
    page.get_by_label("Comment (optional)").focus()
    page.keyboard.type("fairness looked at")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("changed since")
    assert site.votes(request.id) == []
    shoot("request-page-stale")
    # What was typed stands, and the page is fresh.
    expect(page.get_by_label("Comment (optional)")).to_have_value("fairness looked at")
    page.get_by_label("Comment (optional)").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("status")).to_have_text("Your approval is kept.")
    assert site.votes(request.id) == [("lea", True)]
    page.emulate_media(color_scheme="dark")
    shoot("request-page-dark")
    page.set_viewport_size({"width": 400, "height": 800})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400
    shoot("request-page-narrow")
    page.get_by_role("link", name="What lea was shown").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("to Production")
    assert page.get_by_role("button").count() == 0
    expect(page.get_by_text("Nobody has voted.")).to_be_visible()
    # The browser tells of the answers 403 and 409 in its console.
    assert [one for one in problems if "40" not in one] == []


def test_the_last_vote_on_the_page_moves_the_version_and_ends_the_forms(
    site: Site, page: Page
) -> None:
    request = site.voters.judged()
    assert site.post(request.id, site.fields(request.id)).status_code == 303
    page.set_extra_http_headers({"Authorization": "Basic c2FtOg=="})
    page.goto(f"{site.url}/acgs/requests/{request.id}")
    expect(page.get_by_text("You approve as security.")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("granted", exact=True)).to_be_visible()
    assert page.get_by_role("button").count() == 0
    kept = site.voters.registry.screens.of_vote(request, 2)[1]
    assert kept.confirmed
    assert b"lea</b>" in kept.page


def test_a_page_of_another_site_cannot_vote(site: Site) -> None:
    request = site.voters.judged()
    fields = site.fields(request.id)
    foreign = {"origin": "https://evil.example"}
    assert site.post(request.id, fields, **foreign).status_code == 403
    assert site.post(request.id, fields, origin="null").status_code == 403
    assert site.post(request.id, fields, sec_fetch_site="cross-site").status_code == 403
    assert site.post(request.id, fields, sec_fetch_site="same-site").status_code == 403
    for token in ("", "0" * 64, "ä", site.fields(request.id, "sam")["token"]):
        refused = site.post(request.id, {**fields, "token": token})
        assert (refused.status_code, refused.json()["error_code"]) == (
            403, "registry.form_foreign",
        )  # fmt: skip
    other = site.voters.judged()
    assert site.post(other.id, fields).status_code == 403
    assert site.votes(request.id) == site.votes(other.id) == []
    assert site.post(request.id, fields, origin=site.url).status_code == 303
    assert site.votes(request.id) == [("lea", True)]


def test_a_form_does_what_its_sender_may_do_and_says_why_not(site: Site) -> None:
    request = site.voters.judged()
    reader = site.post(request.id, site.fields(request.id, "ron"), "ron")
    assert reader.status_code == 403
    assert "the permission approve" in reader.text
    silent = site.post(request.id, site.fields(request.id, act="reject"))
    assert silent.status_code == 400
    assert "a rejection that says something" in silent.text
    said = {"act": "comment", "comment": "<b>from\r\nMärz?"}
    assert site.post(request.id, site.fields(request.id, **said)).status_code == 303
    assert "&lt;b&gt;from\nMärz?" in site.page(request.id, "lea").text
    assert site.post(request.id, site.fields(request.id, act="drop")).status_code == 400
    no = {"act": "reject", "comment": "not now"}
    assert site.post(request.id, site.fields(request.id, **no)).status_code == 303
    assert "not now" in site.page(request.id, "lea").text
    assert site.votes(request.id) == [("lea", False)]


def test_only_who_may_read_the_model_sees_the_page_and_what_was_shown(site: Site) -> None:
    request = site.voters.judged()
    site.post(request.id, site.fields(request.id))
    assert site.page(request.id, "eve").status_code == 403
    kept = f"{site.url}/acgs/screens/{request.id}?vote=1"
    for place in (kept, f"{kept}&form=facts"):
        assert httpx.get(place, auth=("eve", ""), trust_env=False).status_code == 403
        assert httpx.get(place, auth=("ron", ""), trust_env=False).status_code == 200
    assert site.page(10**9, "lea").status_code == 404


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"{}", "application/json", "expected a form"),
        (b"a=1&a=2", "application/x-www-form-urlencoded", "each field once"),
        (b"&".join(b"f%d=1" % n for n in range(11)), "application/x-www-form-urlencoded", "fields"),
        (b"a=%ff", "application/x-www-form-urlencoded", "expected a form of"),
        (b"a", "application/x-www-form-urlencoded", "expected a form of"),
    ],
)
def test_a_body_that_is_no_form_is_a_bad_request(
    site: Site, body: bytes, kind: str, said: str
) -> None:
    answer = httpx.post(
        f"{site.url}/acgs/requests/1", content=body, headers={"content-type": kind},
        auth=("lea", ""), trust_env=False,
    )  # fmt: skip
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize(
    "shown",
    [
        screen.render(FACTS),
        screen.render(FACTS, FORMS),
        screen.render(FACTS, screen.Forms("", "d", "t", may_say_who=True, done="Done.")),
        screen.ask_name(42, "expected a name"),
    ],
    ids=["kept", "with forms", "nameless", "who"],
)
def test_axe_finds_no_fault_for_people_who_cannot_see_or_use_a_mouse(
    page: Page, shoot: Shoot, shown: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.set_content(shown)
    shoot(f"request-facts-{scheme}-{width}-{len(shown)}")
    found = Axe().run(page).response
    assert found["passes"], "axe looked at nothing"
    assert [
        (one["id"], one["impact"], one["nodes"][0]["html"]) for one in found["violations"]
    ] == []


def test_axe_would_find_a_field_without_a_name(page: Page) -> None:
    page.set_content(screen.render(FACTS, FORMS).replace("<label", "<span"))
    assert "label" in {one["id"] for one in Axe().run(page).response["violations"]}
