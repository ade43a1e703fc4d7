"""The dossier, opened as an examiner opens it: from a file, with nothing else there."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.ui.conftest import WAIT_MS, Shoot
from tests.support.credit import register, unique
from tests.support.platform import Platform

pytestmark = pytest.mark.browser

expect.set_options(timeout=WAIT_MS)


def test_an_examiner_reads_it_offline_by_mouse_or_keyboard(
    platform: Platform, page: Page, shoot: Shoot, tmp_path: Path
) -> None:
    name = unique("credit")
    version = register(platform, name)
    platform.stage(name, version.number, "Production")
    file = tmp_path / "dossier.html"
    platform.acgs("dossier", f"{name}@champion", "--output", str(file), check=True)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on(
        "request",
        lambda request: problems.append(request.url) if request.url[:4] == "http" else None,
    )
    page.goto(file.as_uri())
    title = f"{name}@champion: 1.0.0, Production"
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    for section in ("What ran", "Every control, its evidence and its result", "Who decided"):
        expect(page.get_by_role("heading", name=section, level=2)).to_be_visible()
    expect(page.get_by_text("not recorded", exact=True).first).to_be_visible()
    shoot("dossier")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#model")
    summary = page.get_by_text("events, in the order of the log")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="scorecard.attached")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.get_by_role("heading", name="Who decided").scroll_into_view_if_needed()
    shoot("dossier-dark")
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert problems == []
