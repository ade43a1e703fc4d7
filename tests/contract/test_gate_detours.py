"""No spelling and no detour leads around the gate: each is refused before the verdict."""

from __future__ import annotations

import httpx
import mlflow
import pytest
from mlflow.exceptions import MlflowException

from pipelines.steps.models import Recipe
from tests.support.credit import Registered, register, unique
from tests.support.platform import Platform

DENIED = "PERMISSION_DENIED"


@pytest.fixture(autouse=True)
def _tracking(platform: Platform) -> None:
    mlflow.set_tracking_uri(platform.url)
    mlflow.set_registry_uri(platform.url)


def register_hopeless(platform: Platform, name: str) -> Registered:
    """Register a version that clears not even the bar of Staging."""
    return register(platform, name, Recipe.BIASED, lineage=False, description="")


def stage_of(platform: Platform, name: str, number: int) -> str:
    return str(platform.client().get_model_version(name, str(number)).current_stage)


@pytest.mark.parametrize("spelling", ["production", "PRODUCTION", "Staging", "staging"])
def test_the_spelling_of_a_stage_does_not_matter(platform: Platform, spelling: str) -> None:
    name = unique("credit")
    bad = register_hopeless(platform, name)
    with pytest.raises(MlflowException, match="fairness") as refused:
        platform.stage(name, bad.number, spelling)
    assert refused.value.error_code == DENIED
    assert stage_of(platform, name, bad.number) == "None"


@pytest.mark.parametrize("alias", ["champion", "Champion", "CHALLENGER"])
def test_the_spelling_of_an_alias_does_not_matter(platform: Platform, alias: str) -> None:
    name = unique("credit")
    bad = register_hopeless(platform, name)
    with pytest.raises(MlflowException, match="fairness") as refused:
        platform.client().set_registered_model_alias(name, alias, str(bad.number))
    assert refused.value.error_code == DENIED
    assert platform.client().get_model_version(name, str(bad.number)).aliases == []
    name = unique("credit")
    good = register(platform, name)
    platform.client().set_registered_model_alias(name, alias, str(good.number))
    assert platform.client().get_model_version(name, str(good.number)).aliases == [alias.lower()]


def test_a_self_set_governance_tag_opens_nothing(platform: Platform) -> None:
    name = unique("credit")
    bad = register(platform, name, Recipe.BIASED)
    client = platform.client()
    for key in ("acgs.verdict", "ACGS.score", " acgs.request"):
        with pytest.raises(MlflowException):
            client.set_model_version_tag(name, str(bad.number), key, "passed for Production")
        with pytest.raises(MlflowException):
            client.set_registered_model_tag(name, key, "passed")
    with pytest.raises(MlflowException, match=r"found acgs\.verdict"):
        client.create_model_version(name, bad.source, bad.run_id, tags={"acgs.verdict": "passed"})
    with pytest.raises(MlflowException, match=r"found acgs\.version"):
        client.delete_model_version_tag(name, str(bad.number), "acgs.version")
    with pytest.raises(MlflowException, match="fairness"):
        platform.stage(name, bad.number, "Production")


def test_renaming_an_ungoverned_production_model_into_a_governed_name_is_judged(
    platform: Platform,
) -> None:
    client = platform.client()
    for recipe, allowed in ((Recipe.BIASED, False), (Recipe.BASELINE, True)):
        plain, governed = unique("plain"), unique("credit")
        version = register(platform, plain, recipe)
        assert platform.stage(plain, version.number, "Production").current_stage == "Production"
        if allowed:
            client.rename_registered_model(plain, governed)
            assert stage_of(platform, governed, version.number) == "Production"
        else:
            with pytest.raises(MlflowException, match="fairness") as refused:
                client.rename_registered_model(plain, governed)
            assert refused.value.error_code == DENIED
            assert stage_of(platform, plain, version.number) == "Production"


def test_a_governed_model_cannot_be_renamed_out_of_governance(platform: Platform) -> None:
    name = unique("credit")
    register(platform, name)
    with pytest.raises(MlflowException, match=r"governance\.left") as refused:
        platform.client().rename_registered_model(name, unique("plain"))
    assert refused.value.error_code == DENIED


def test_copying_into_a_governed_name_is_judged_and_brings_no_verdict_along(
    platform: Platform,
) -> None:
    client = platform.client()
    bad = register_hopeless(platform, unique("plain"))
    good = register(platform, unique("plain"))
    with pytest.raises(MlflowException, match="fairness"):
        client.copy_model_version(f"models:/{bad.name}/1", unique("credit"))
    target = unique("credit")
    copied = client.copy_model_version(f"models:/{good.name}/1", target)
    assert copied.current_stage == "None"
    assert client.get_model_version(target, copied.version).tags["acgs.version"] == "1.0.0"


def test_a_governed_version_cannot_be_copied_out_before_its_verdict(platform: Platform) -> None:
    client = platform.client()
    bad = register(platform, unique("credit"), Recipe.BIASED)
    good = register(platform, unique("credit"))
    with pytest.raises(MlflowException, match="fairness"):
        client.copy_model_version(f"models:/{bad.name}/1", unique("plain"))
    with pytest.raises(MlflowException, match="fairness"):
        mlflow.register_model(f"models:/{bad.name}/1.0.0", unique("plain"))
    assert mlflow.register_model(f"models:/{good.name}/1.0.0", unique("plain")).version == "1"


def test_registering_another_models_files_into_a_governed_name_brings_no_stage_along(
    platform: Platform,
) -> None:
    client = platform.client()
    bad = register_hopeless(platform, unique("plain"))
    platform.stage(bad.name, bad.number, "Production")
    target = unique("credit")
    client.create_registered_model(target)
    created = client.create_model_version(target, bad.source, bad.run_id)
    assert created.current_stage == "None"
    with pytest.raises(MlflowException, match="fairness"):
        platform.stage(target, int(created.version), "Staging")


@pytest.mark.parametrize("alias", ["Production", "staging", "ｃhampion", "champıon", "chаmpion"])
def test_an_alias_that_looks_like_a_governed_place_is_refused(
    platform: Platform, alias: str
) -> None:
    name = unique("credit")
    register(platform, name)
    with pytest.raises(MlflowException, match="expected an alias"):
        platform.client().set_registered_model_alias(name, alias, "1")


def test_prompts_are_no_models(platform: Platform) -> None:
    client = mlflow.MlflowClient(platform.url, platform.url)
    for name in (unique("credit-prompt"), unique("credit-prompt")):
        client.register_prompt(name, "Say {{it}}")
        prompt = client.register_prompt(name, "Say {{it}} twice")
        assert prompt.version == 2
        client.set_prompt_alias(name, "production", 2)
        # Its prompt tags can be taken off: then nothing but the alias would be left to see.
        for alias in ("champion", "Challenger"):
            with pytest.raises(MlflowException, match=r"alias\.prompt"):
                client.set_prompt_alias(name, alias, 2)


def test_no_prompt_takes_the_alias_of_a_judged_version(platform: Platform) -> None:
    client = platform.client()
    name = unique("credit")
    good = register(platform, name)
    platform.stage(name, good.number, "Production")
    prompt = httpx.post(
        f"{platform.url}/api/2.0/mlflow/model-versions/create",
        json={
            "name": name,
            "source": "dummy-source",
            "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}],
        },
        trust_env=False,
    ).json()["model_version"]
    with pytest.raises(MlflowException, match=r"alias\.prompt"):
        client.set_registered_model_alias(name, "champion", prompt["version"])
    assert client.get_model_version_by_alias(name, "champion").version == str(good.number)


def test_what_is_in_production_cannot_be_deleted_nor_its_alias_removed(
    platform: Platform,
) -> None:
    client = platform.client()
    name = unique("credit")
    first = register(platform, name)
    platform.stage(name, first.number, "Production")
    with pytest.raises(MlflowException, match=r"stage\.in_use"):
        client.delete_model_version(name, str(first.number))
    with pytest.raises(MlflowException, match=r"stage\.in_use"):
        client.delete_registered_model(name)
    for alias in ("champion", "Champion"):
        with pytest.raises(MlflowException, match=r"alias\.in_use"):
            client.delete_registered_model_alias(name, alias)
    second = register(platform, name)
    platform.stage(name, second.number, "Production")
    assert stage_of(platform, name, first.number) == "Archived"
    client.delete_model_version(name, str(first.number))
    platform.stage(name, second.number, "Archived")
    assert client.get_model_version(name, str(second.number)).aliases == []
    client.delete_registered_model(name)


def test_what_nothing_governs_behaves_as_in_plain_mlflow(platform: Platform) -> None:
    client = platform.client()
    name = unique("plain")
    version = register(platform, name, Recipe.BIASED, lineage=False, description="")
    assert client.get_model_version(name, "1").tags == {}
    assert platform.stage(name, version.number, "Production").current_stage == "Production"
    client.set_registered_model_alias(name, "Champion", "1")
    client.delete_registered_model_alias(name, "Champion")
    client.delete_model_version(name, "1")
    client.delete_registered_model(name)


def test_warn_lets_through_and_observe_waits_for_nothing(platform: Platform) -> None:
    warned, observed = unique("warned"), unique("observed")
    for name in (warned, observed):
        bad = register(platform, name, Recipe.BIASED)
        assert platform.stage(name, bad.number, "Production").current_stage == "Production"
    requests = platform.json("request", "list", "--name", warned)
    assert any("fairness" in w["rule"] for w in requests[0]["decision"]["warnings"])


@pytest.mark.parametrize("name", ["credit@home", "credit é", "credit-" + "x" * 130, "credit "])
def test_a_governed_name_that_something_would_misread_is_refused(
    platform: Platform, name: str
) -> None:
    with pytest.raises(MlflowException, match="expected a model name"):
        platform.client().create_registered_model(name)


def test_an_unknown_stage_and_an_illegal_alias_are_mlflows_own_errors(
    platform: Platform,
) -> None:
    name = unique("credit")
    register(platform, name)
    with pytest.raises(MlflowException, match="Invalid Model Version stage"):
        platform.stage(name, 1, "Live")
    with pytest.raises(MlflowException, match="alias"):
        platform.client().set_registered_model_alias(name, "1.2.0", "1")
