"""The client for notebooks, on the running platform."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from infra.errors import NotFoundError, SettingsError, UnavailableError, UsageError
from pipelines.steps.models import Recipe
from registry.sdk import GateClosedError, GovernedClient, VersionStandingWarning
from tests.ports import free_port
from tests.support.credit import register, unique
from tests.support.platform import Platform


@pytest.fixture
def client(platform: Platform) -> GovernedClient:
    return GovernedClient(platform.url, user="ada")


def test_a_promotion_returns_the_version_where_it_now_stands(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name)
    promoted = client.promote(name, "1.0.0")
    assert promoted.place == "Production @champion"
    assert promoted.verdict is not None
    assert promoted.verdict.passed
    assert repr(promoted).startswith(
        f"<Version {name} 1.0.0 (version 1) in Production @champion: passed for Production, score "
    )


def test_a_refusal_carries_each_reason_and_the_version_explains_itself(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name, Recipe.BIASED)
    with pytest.raises(GateClosedError) as refused:
        client.promote(name, 1)
    rules = [reason.rule for reason in refused.value.reasons]
    assert any("fairness" in rule for rule in rules)
    assert all(reason.fix for reason in refused.value.reasons)
    explained = client.explain(name, "1.0.0")
    assert explained.version.stage == "None"
    assert explained.reasons == refused.value.reasons
    assert [request.actor for request in explained.requests] == ["ada@127.0.0.1"]
    assert rules[0] in repr(explained)
    assert rules[0] in explained._repr_html_()
    assert rules[0] in client.request(explained.requests[0].id)._repr_html_()


def test_history_names_who_did_what(platform: Platform, client: GovernedClient) -> None:
    name = unique("credit")
    register(platform, name)
    register(platform, name)
    client.promote(name, "1.0.0")
    everything = client.history(name)
    of_one = client.history(name, "1.0.0")
    created = [change.version for change in everything if change.type == "model_version.created"]
    assert created == [1, 2]
    assert {change.version for change in of_one} == {1}
    assert "model_version.transitioned_stage" in {change.type for change in of_one}
    assert "ada@127.0.0.1" in {change.actor for change in of_one}


def test_versions_are_listed_newest_first(platform: Platform, client: GovernedClient) -> None:
    name = unique("credit")
    register(platform, name)
    register(platform, name)
    versions = client.versions(name)
    assert [version.semver for version in versions] == ["1.0.1", "1.0.0"]
    assert "<table>" in versions._repr_html_()
    assert repr(versions).splitlines()[0] == f"Versions of {name}: 2"


def test_two_versions_differ_in_what_was_changed_alone(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name)
    register(platform, name)
    diff = client.diff(name, "1.0.0", "1.0.1")
    assert (diff.order, diff.change) == ("<", "patch")
    # Each registration of the tests appends a line of its own to this file.
    assert [found.name for found in diff.of_part("file")] == ["python_env.yaml"]
    assert client.diff(name, 1, 1).of_part("file") == ()
    assert "python_env.yaml" in diff._repr_html_()


def test_lineage_names_the_data_and_draws_itself(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name)
    lineage = client.lineage(name, "1.0.0")
    assert [node.label for node in lineage.of_kind("dataset")]
    assert 0 < lineage.completeness <= 1
    assert "<svg" in lineage._repr_html_()
    assert "missing" in repr(lineage) or lineage.completeness == 1


def test_what_served_is_asked_by_moment(platform: Platform, client: GovernedClient) -> None:
    name = unique("credit")
    register(platform, name)
    before = datetime.now(UTC)
    client.promote(name, "1.0.0")
    assert {(held.place, held.semver) for held in client.served(name)} == {
        ("stage", "1.0.0"),
        ("alias", "1.0.0"),
    }
    assert list(client.served(name, before)) == []
    with pytest.raises(NotFoundError, match="expected an endpoint or a governed model"):
        client.served(f"{name}-unknown")


def test_the_bill_of_materials_names_every_file(platform: Platform, client: GovernedClient) -> None:
    name = unique("credit")
    register(platform, name)
    bill = client.bom(name, "1.0.0")
    names = {part["name"] for part in bill["components"] if part["type"] == "file"}
    assert {"MLmodel", "model.skops", "requirements.txt"} <= names
    assert "scikit-learn" in {part["name"] for part in bill["components"]}
    assert bill == json.loads(platform.acgs("version", "bom", f"{name}@1.0.0", check=True).stdout)


def test_what_is_not_there_is_told_with_what_there_is(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name)
    with pytest.raises(NotFoundError, match=r"it has 1\.0\.0"):
        client.version(name, "9.9.9")


@pytest.mark.parametrize("wrong", ["a/../credit", "", ".."])
def test_a_name_that_is_none_is_told_before_anything_is_sent(wrong: str) -> None:
    with pytest.raises(UsageError, match="without '/'"):
        GovernedClient("http://127.0.0.1:9").versions(wrong)


def test_a_version_is_named_by_text_or_number() -> None:
    with pytest.raises(UsageError, match="found None"):
        GovernedClient("http://127.0.0.1:9").explain("credit", None)  # type: ignore[arg-type]


def test_an_address_where_nobody_listens_is_told_as_such() -> None:
    with pytest.raises(UnavailableError, match="found no answer"):
        GovernedClient(f"http://127.0.0.1:{free_port()}").versions("credit")


def test_no_address_is_a_setting_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SettingsError, match="found none"):
        GovernedClient()


def test_importing_the_client_imports_neither_mlflow_nor_a_database() -> None:
    code = "import registry.sdk, sys; print(sorted({'mlflow', 'sqlalchemy'} & sys.modules.keys()))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_a_version_that_its_owners_withdrew_says_so(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    register(platform, name)
    why = "<b>leaks</b> the label"
    platform.acgs("version", "yank", f"{name}@1.0.0", "--reason", why, check=True)
    with pytest.warns(VersionStandingWarning, match="is yanked"):
        found = client.version(name, "1.0.0")
    assert found.place == "None (yanked)"
    assert "&lt;b&gt;leaks" in found._repr_html_()
    with pytest.warns(VersionStandingWarning, match="is yanked"):
        client.explain(name, "1.0.0")
    with pytest.warns(VersionStandingWarning), pytest.raises(GateClosedError) as refused:
        client.promote(name, "1.0.0", to="Staging")
    assert [reason.rule for reason in refused.value.reasons] == ["version.yanked"]


def test_what_is_not_there_is_an_error_and_no_empty_answer(
    platform: Platform, client: GovernedClient
) -> None:
    with pytest.raises(NotFoundError, match="expected a registered model nope"):
        client.versions("nope")
    name = unique("credit")
    register(platform, name)
    with pytest.raises(UsageError, match="among None, Staging, Production, Archived, found 'Prod'"):
        client.promote(name, "1.0.0", to="Prod")


def test_a_candidate_is_released_from_the_command_line(
    platform: Platform, client: GovernedClient
) -> None:
    name = unique("credit")
    first = register(platform, name)
    mlflow_client = platform.client()
    mlflow_client.create_model_version(
        name, first.source, run_id=first.run_id, tags={"version.prerelease": "rc"}
    )
    refused = platform.acgs("promote", f"{name}@1.0.1-rc.1")
    assert refused.returncode == 1
    assert "version.prerelease" in refused.stderr
    released = platform.acgs("version", "release", f"{name}@1.0.1-rc.1", check=True)
    assert released.stdout == f"{name} 1.0.1 (version 3)\n"
    assert platform.acgs("promote", f"{name}@1.0.1").returncode == 0
    assert platform.acgs("version", "check", name).stdout == "nothing found\n"
