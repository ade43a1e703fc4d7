"""A real Chromium on MLflow's own pages.

`SCREENSHOTS=<folder>` keeps a picture of each page that a test looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import FLAGS, ensure

WAIT_MS = 30_000
# MLflow opens a chat panel on a first visit; it would cover half of the page.
NO_CHAT_PANEL = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""

Shoot = Callable[[str], None]


# Not for the session: Playwright keeps an event loop in this thread, and other tests need it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a visitor who was never here before."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(NO_CHAT_PANEL)
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def shoot(page: Page) -> Shoot:
    """Keep a picture of the page, if a folder for pictures was named."""
    folder = os.environ.get("SCREENSHOTS")

    def take(name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")

    return take
