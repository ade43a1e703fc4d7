"""MLflow's basic-auth as a part of the platform: its users, its permissions, its pages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.server import get_app_client
from playwright.sync_api import Browser, expect, sync_playwright

from infra.identity.middleware import is_unprotected
from tests.browser import FLAGS, ensure
from tests.integration.ui.conftest import NO_CHAT_PANEL, WAIT_MS
from tests.support import roles
from tests.support.credit import register, unique
from tests.support.issuer import AUDIENCE, Issuer, published
from tests.support.mlflow_routes import routes
from tests.support.platform import Platform, started

PASSWORD = "correct horse battery"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


class Bank:
    """A platform whose people have passwords, and an issuer beside."""

    def __init__(self, platform: Platform, issuer: Issuer) -> None:
        self.platform, self.issuer = platform, issuer
        self.url = platform.url

    @property
    def admin(self) -> tuple[str, str]:
        return "admin", (self.platform.root / "secrets" / "mlflow-admin.password").read_text()

    def ask(self, method: str, path: str, auth: Any = None, **more: Any) -> httpx.Response:
        if isinstance(auth, str):
            more["headers"] = {"authorization": f"Bearer {auth}"}
            auth = None
        return httpx.request(
            method, self.url + path, auth=auth, trust_env=False, timeout=60, **more
        )

    def add(self, name: str, password: str = PASSWORD) -> httpx.Response:
        body = {"username": name, "password": password}
        return self.ask("POST", "/api/2.0/mlflow/users/create", self.admin, json=body)

    def user(self, prefix: str) -> tuple[str, str]:
        name = unique(prefix)
        assert self.add(name).status_code == 200
        return name, PASSWORD


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    issuer = Issuer()
    with published(issuer) as keys:
        given: dict[str, Any] = {
            "ACGS_IDENTITY": "basic-auth,jwt,service-token",
            "ACGS_JWT_ISSUER": issuer.url,
            "ACGS_JWT_AUDIENCE": AUDIENCE,
            "ACGS_JWT_JWKS": keys,
        }
        root = tmp_path_factory.mktemp("bank")
        with started(root, **given) as platform:
            file = roles.written(root, roles.EVERYTHING_TO_EVERYBODY)
            platform.acgs("access", "adopt", str(file), check=True)
            yield Bank(platform, issuer)


def test_no_door_is_open_without_a_password(bank: Bank) -> None:
    more = [
        ("GET", "/signup"),
        ("POST", "/api/2.0/mlflow/users/create-ui"),
        ("GET", "/acgs/metrics"),
    ]
    with httpx.Client(base_url=bank.url, trust_env=False) as client:
        found = [
            (method, path)
            for method, path in (*routes(), *more)
            if not is_unprotected(method, path) and client.request(method, path).status_code != 401
        ]
    assert found == []


def test_mlflow_s_first_administrator_has_a_password_that_nobody_chose(bank: Bank) -> None:
    assert len(bank.admin[1]) >= 24
    assert bank.ask("GET", SEARCH, bank.admin).status_code == 200
    for password in ("password1234", "admin", ""):
        answer = bank.ask("GET", SEARCH, ("admin", password))
        assert (answer.status_code, answer.json()["acgs_code"]) == (401, "auth.password")
    for file in ("mlflow-admin.password", "mlflow-auth.ini"):
        assert (bank.platform.root / "secrets" / file).stat().st_mode & 0o077 == 0


def test_mlflow_s_permissions_hold_for_its_users(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = bank.user("owner"), bank.user("other")
    body = {"name": unique("experiment")}
    made = bank.ask("POST", "/api/2.0/mlflow/experiments/create", owner, json=body)
    asked = {"experiment_id": made.json()["experiment_id"]}

    refused = bank.ask("POST", "/api/2.0/mlflow/experiments/delete", other, json=asked)
    done = bank.ask("POST", "/api/2.0/mlflow/experiments/delete", owner, json=asked)

    assert (refused.status_code, done.status_code) == (403, 200)


def test_mlflow_s_own_client_of_users_works_as_before(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", bank.admin[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", bank.admin[1])
    client, name = get_app_client("basic-auth", bank.url), unique("carol")

    client.create_user(name, PASSWORD)
    client.update_user_password(name, PASSWORD + "2")
    assert client.get_user(name).username == name
    assert bank.ask("GET", SEARCH, (name, PASSWORD)).status_code == 401
    assert bank.ask("GET", SEARCH, (name, PASSWORD + "2")).status_code == 200
    client.delete_user(name)
    assert bank.ask("GET", SEARCH, (name, PASSWORD + "2")).status_code == 401


@pytest.mark.parametrize("spell", [str.upper, str.title, lambda name: name + "\u200d"])
def test_nobody_takes_a_name_that_passes_for_another_s(bank: Bank, spell: Any) -> None:
    name, _ = bank.user("dave")

    assert bank.add(spell(name)).status_code == 400


@pytest.mark.parametrize("name", ["acgs", "service:ci", "anonymous"])
def test_nobody_takes_a_reserved_name(bank: Bank, name: str) -> None:
    assert bank.add(name).status_code == 400


def test_who_comes_with_a_jwt_is_a_user_of_mlflow_s_too(bank: Bank) -> None:
    name = unique("erin")
    token, other = bank.issuer.token(sub=name), bank.issuer.token(sub=unique("frank"))
    body = {"name": unique("experiment")}

    made = bank.ask("POST", "/api/2.0/mlflow/experiments/create", token, json=body)
    asked = {"experiment_id": made.json()["experiment_id"]}
    refused = bank.ask("POST", "/api/2.0/mlflow/experiments/delete", other, json=asked)
    done = bank.ask("POST", "/api/2.0/mlflow/experiments/delete", token, json=asked)

    assert (made.status_code, refused.status_code, done.status_code) == (200, 403, 200)
    shown = bank.ask("GET", f"/api/2.0/mlflow/users/get?username={name}", bank.admin).json()
    assert shown["user"]["is_admin"] is False


def test_one_person_by_password_and_by_jwt_is_one_user(bank: Bank) -> None:
    name, password = bank.user("grace")
    body = {"name": unique("experiment")}
    made = bank.ask("POST", "/api/2.0/mlflow/experiments/create", (name, password), json=body)
    asked = {"experiment_id": made.json()["experiment_id"]}

    token = bank.issuer.token(sub=name.upper())
    assert bank.ask("POST", "/api/2.0/mlflow/experiments/delete", token, json=asked).is_success


@pytest.mark.parametrize("name", ["admin", "ADMIN"])
def test_no_issuer_makes_an_administrator(bank: Bank, name: str) -> None:
    answer = bank.ask("GET", SEARCH, bank.issuer.token(sub=name))

    assert (answer.status_code, answer.json()["acgs_code"]) == (401, "auth.name")


def test_a_service_is_a_user_of_its_own(bank: Bank) -> None:
    name = unique("heidi")
    made = bank.platform.acgs(
        "token", "create", name, "--name", "*", "--verb", "log", "--verb", "read",
        "--recover", "a test", check=True,
    )  # fmt: skip
    body = {"name": unique("experiment")}

    done = bank.ask("POST", "/api/2.0/mlflow/experiments/create", made.stdout.strip(), json=body)

    assert done.status_code == 200
    path = "/api/2.0/mlflow/users/get?username="
    assert bank.ask("GET", f"{path}service:{name}", bank.admin).status_code == 200
    assert bank.ask("GET", path + name, bank.admin).status_code == 404


def test_only_administrators_sign_others_up_and_only_from_the_form(bank: Bank) -> None:
    ivan, path = bank.user("ivan"), "/api/2.0/mlflow/users/create-ui"
    form = {"username": unique("judy"), "password": PASSWORD}

    assert bank.ask("GET", "/signup", ivan).status_code == 403
    assert bank.ask("POST", path, ivan, data=form).status_code == 403
    assert bank.ask("POST", path, bank.admin, data=form).status_code == 400, "no CSRF token"


def until(holds: Callable[[], bool]) -> None:
    """Wait for what the scorer writes after its verdict; on a busy machine at a later try."""
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_a_version_is_judged_and_its_report_is_written_under_basic_auth(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, password = bank.user("kim")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    version = register(bank.platform, unique("credit-users"))

    bank.platform.stage(version.name, 1, "Staging")

    [shown] = [
        event
        for event in bank.platform.json("audit", "log", "--name", version.name)
        if event["type"] == "transition_request.created"
    ]
    assert shown["principal"]["source"] == "basic-auth"
    verdict = bank.platform.json("version", "show", f"{version.name}@1")["verdict"]
    client = MlflowClient(bank.url, bank.url)
    until(lambda: client.get_run(verdict["report_run_id"]).data.tags.get("verdict") == "passed")
    with pytest.raises(MlflowException, match="403"):
        client.delete_run(verdict["report_run_id"])


def test_health_names_every_source(bank: Bank) -> None:
    probes = {row["probe"]: row for row in bank.platform.json("health")["probes"]}

    assert probes["identity"]["health"] == "ok"
    for source in ("basic-auth: MLflow's users", "jwt: ", "service-token: "):
        assert source in probes["identity"]["detail"]
    assert "names are proven by: basic-auth" in bank.platform.acgs("status").stdout


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=ensure(), args=list(FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


@pytest.mark.browser
def test_mlflow_s_pages_work_with_a_password(
    bank: Bank, browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name, password = bank.admin
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    version = register(bank.platform, unique("credit-page"))
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    context = browser.new_context(
        http_credentials={"username": name, "password": password},
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(NO_CHAT_PANEL)
    page = context.new_page()
    failed: list[str] = []
    page.on("response", lambda r: failed.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    try:
        page.goto(f"{bank.url}/#/models/{version.name}/versions/1")
        expect(page.get_by_role("heading", name="Version 1")).to_be_visible(timeout=WAIT_MS)
        page.screenshot(path=folder / "users-version.png")
        page.goto(f"{bank.url}/#/experiments")
        expect(page.get_by_text("tests", exact=True).first).to_be_visible(timeout=WAIT_MS)
        page.screenshot(path=folder / "users-experiments.png")
        page.goto(f"{bank.url}/signup")
        newcomer = unique("newcomer")
        page.get_by_label("Username:").fill(newcomer)
        page.get_by_label("Password:").fill(PASSWORD)
        page.screenshot(path=folder / "users-signup.png")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Sign up").click()
        page.wait_for_url(f"{bank.url}/**")
        assert bank.ask("GET", SEARCH, (newcomer, PASSWORD)).status_code == 200
        page.goto(f"{bank.url}/acgs/lineage/{version.name}/1")
        expect(page.get_by_role("heading", name=version.name)).to_be_visible()
        assert page.get_by_role("note").count() == 0, "names are proven here"
        page.screenshot(path=folder / "users-lineage.png")
    finally:
        context.close()
    # MLflow's page asks for its assistant, which the platform refuses to everybody.
    assert [each for each in failed if "/assistant/" not in each] == []
