"""The lineage in MLflow's own page of a version, and in the page that it links to."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.integration.ui.conftest import WAIT_MS, Shoot
from tests.support.credit import register, unique
from tests.support.platform import Platform

pytestmark = pytest.mark.browser

expect.set_options(timeout=WAIT_MS)


def test_a_version_shows_its_lineage_and_leads_to_the_page_with_every_step(
    platform: Platform, page: Page, shoot: Shoot
) -> None:
    name = unique("credit")
    register(platform, name)
    version = register(platform, name)
    platform.stage(name, version.number, "Production")
    page.goto(f"{platform.url}/#/models/{name}/versions/{version.number}")
    line = page.get_by_test_id("note-editor-preview-content")
    picture = line.get_by_role("img")
    expect(picture).to_be_visible()
    frame, shown = line.bounding_box(), picture.bounding_box()
    assert frame is not None
    assert shown is not None
    assert 500 < shown["width"] <= frame["width"]
    shoot("lineage-in-mlflow")
    path = line.get_by_role("link", name="lineage").get_attribute("href")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"{platform.url}/{path}")
    expect(page.get_by_role("heading", name=f"{name} 1.0.1", exact=True)).to_be_visible()
    for kind in ("DATASET", "COMMIT", "RUN", "VERSION", "REQUEST", "VERDICT"):
        expect(page.locator("svg .kind", has_text=kind).first).to_be_visible()
    shoot("lineage-page")
    page.emulate_media(color_scheme="dark")
    shoot("lineage-page-dark")
    assert problems == []
    page.locator("svg a", has=page.get_by_text("RUN")).click()
    expect(page).to_have_url(
        f"{platform.url}/#/experiments/{_experiment(platform, version.run_id)}"
        f"/runs/{version.run_id}"
    )


def _experiment(platform: Platform, run_id: str) -> str:
    return str(platform.client().get_run(run_id).info.experiment_id)
