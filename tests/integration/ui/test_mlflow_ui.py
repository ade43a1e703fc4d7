"""The gate and what it found, in MLflow's own pages, as a person clicks through them."""

from __future__ import annotations

import re
from contextlib import nullcontext

import pytest
from mlflow.exceptions import MlflowException
from playwright.sync_api import Locator, Page, Response, expect

from pipelines.steps.models import Recipe
from tests.integration.ui.conftest import WAIT_MS, Shoot
from tests.support.credit import Registered, register, unique
from tests.support.platform import Platform

pytestmark = pytest.mark.browser

expect.set_options(timeout=WAIT_MS)


def _open(page: Page, platform: Platform, version: Registered) -> None:
    page.goto(f"{platform.url}/#/models/{version.name}/versions/{version.number}")
    expect(page.get_by_role("heading", name=f"Version {version.number}")).to_be_visible()


def _save_alias(page: Page, alias: str) -> Response:
    page.get_by_title("Add aliases").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill(alias)
    dialog.get_by_role("combobox").press("Enter")
    with page.expect_response(re.compile("/registered-models/alias")) as answer:
        dialog.get_by_role("button", name="Save aliases").click()
    return answer.value


def _turn_new_ui_off(page: Page) -> None:
    page.get_by_label("New model registry UI").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_label("New model registry UI")).not_to_be_checked()


def _transition(page: Page, stage: str) -> Response:
    _stage(page).get_by_text("None", exact=True).click()
    page.get_by_role("menuitem").filter(has_text=stage).click()
    with page.expect_response(re.compile("/model-versions/transition-stage")) as answer:
        page.get_by_role("dialog").get_by_role("button", name="OK").click()
    return answer.value


def _stage(page: Page) -> Locator:
    return page.get_by_test_id("descriptions-item").filter(has_text="Stage")


def _expect_reasons(shown: Locator, version: Registered) -> None:
    expect(shown).to_contain_text(f"{version.name} 1.0.0 (version 1) to Production was refused")
    expect(shown).to_contain_text("fairness.equal_opportunity: expected")
    expect(shown).to_contain_text("found")
    expect(shown).to_contain_text("Fix:")


def _position(platform: Platform, version: Registered) -> tuple[str, list[str]]:
    found = platform.client().get_model_version(version.name, str(version.number))
    return found.current_stage, found.aliases


def test_the_alias_dialog_tells_why_a_biased_version_is_no_champion(
    platform: Platform, page: Page, shoot: Shoot
) -> None:
    version = register(platform, unique("credit"), Recipe.BIASED)
    _open(page, platform, version)
    answer = _save_alias(page, "champion")
    assert (answer.status, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    _expect_reasons(page.get_by_role("dialog"), version)
    shoot("alias-refused")
    assert _position(platform, version) == ("None", [])


def test_the_alias_dialog_makes_a_good_version_champion(
    platform: Platform, page: Page, shoot: Shoot
) -> None:
    version = register(platform, unique("credit"))
    _open(page, platform, version)
    assert _save_alias(page, "champion").status == 200
    expect(page.get_by_role("dialog")).to_be_hidden()
    aliases = page.get_by_test_id("descriptions-item").filter(has_text="Aliases")
    expect(aliases).to_contain_text("champion")
    shoot("alias-accepted")
    assert _position(platform, version) == ("Production", ["champion"])


def test_the_stage_menu_tells_why_a_biased_version_stays_out_of_production(
    platform: Platform, page: Page, shoot: Shoot
) -> None:
    version = register(platform, unique("credit"), Recipe.BIASED)
    _open(page, platform, version)
    _turn_new_ui_off(page)
    assert _transition(page, "Production").status == 403
    toast = page.get_by_role("alert").filter(has_text="PERMISSION_DENIED")
    _expect_reasons(toast, version)
    shoot("stage-refused")
    expect(_stage(page)).to_contain_text("None")
    assert _position(platform, version) == ("None", [])


def test_the_stage_menu_moves_a_good_version_to_production(
    platform: Platform, page: Page, shoot: Shoot
) -> None:
    version = register(platform, unique("credit"))
    _open(page, platform, version)
    _turn_new_ui_off(page)
    assert _transition(page, "Production").status == 200
    expect(_stage(page)).to_contain_text("Production")
    shoot("stage-accepted")
    assert _position(platform, version) == ("Production", ["champion"])


@pytest.mark.parametrize(
    ("recipe", "verdict"), [(Recipe.BASELINE, "passed"), (Recipe.BIASED, "failed")]
)
def test_the_version_page_shows_the_verdict_and_opens_the_report(
    platform: Platform, page: Page, shoot: Shoot, recipe: Recipe, verdict: str
) -> None:
    version = register(platform, unique("credit"), recipe)
    with nullcontext() if verdict == "passed" else pytest.raises(MlflowException):
        platform.stage(version.name, version.number, "Production")
    score = _tag(platform, version, "acgs.score")
    _open(page, platform, version)
    line = page.get_by_test_id("note-editor-preview-content")
    expect(line).to_contain_text(f"version 1.0.0 · {verdict} for Production, score {score}")
    for text in ("acgs.version", "1.0.0", "acgs.score", score, f"{verdict} for Production"):
        expect(page.get_by_test_id("tags-section")).to_contain_text(text)
    shoot(f"version-{verdict}")

    page.goto(f"{platform.url}/{line.get_by_role('link', name='report').get_attribute('href')}")
    report = page.frame_locator("iframe").locator("main")
    expect(report).to_contain_text(f"{version.name} 1.0.0")
    expect(report.locator("svg .number").first).to_have_text(score)
    shoot(f"report-{verdict}")


def _tag(platform: Platform, version: Registered, key: str) -> str:
    found = platform.client().get_model_version(version.name, str(version.number))
    return str(found.tags[key])
