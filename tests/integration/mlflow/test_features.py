"""MLflow's own features under governed names: copies within a model, prompts, full stages."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import _PROMPT_SOURCE_PLACEHOLDERS, IS_PROMPT_TAG_KEY

from registry.adapters import mlflow_tables
from registry.artifacts.adapters import retention_facts
from registry.git.adapters import facts
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import GROWN, NAME, Shelf

PROMPT = "observed-prompt"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return kit.opened(tmp_path)


def stages(shelf: Shelf, *numbers: int) -> list[str]:
    return [shelf.store.get_model_version(NAME, n).current_stage for n in numbers]


# --- copies within a model


def test_a_copy_within_its_model_is_a_new_version_of_the_same_files(shelf: Shelf) -> None:
    first = shelf.register(version_bump="minor", team="risk")
    shelf.store.update_model_version(NAME, first.version, "words")
    shelf.store.transition_model_version_stage(NAME, first.version, "Staging", False)
    copy = shelf.store.copy_model_version(shelf.store.get_model_version(NAME, 1), NAME)
    record = shelf.record(2)
    # The wish was asked for the original; nothing differs from it.
    assert (copy.version, record.semver, record.bump) == (2, "1.0.1", "patch")
    assert record.manifest_digest == first.manifest_digest
    assert (copy.current_stage, copy.aliases) == ("None", [])
    assert copy.tags["acgs.version"] == "1.0.1"
    assert copy.tags["team"] == "risk"
    assert copy.description.startswith("words\n\n---\n**Governance** version `1.0.1`")
    assert copy.description.count("**Governance**") == 1


def test_a_copy_is_judged_at_its_own_request_and_not_before(shelf: Shelf) -> None:
    first = shelf.register()
    shelf.store.copy_model_version(shelf.store.get_model_version(NAME, first.version), NAME)
    assert shelf.store.registry.gate.requests(NAME) == []
    shelf.store.transition_model_version_stage(NAME, 2, "Staging", False)
    (request,) = shelf.store.registry.gate.requests(NAME)
    assert request.version_uid == shelf.record(2).uid


def test_a_copy_cannot_bring_the_platforms_tags_nor_can_a_version_that_is_none(
    shelf: Shelf,
) -> None:
    shelf.register()
    forged = [ModelVersionTag("acgs.verdict", "passed")]
    copy = shelf.store.create_model_version(NAME, f"models:/{NAME}/1", tags=forged)
    assert "acgs.verdict" not in copy.tags
    for source in (shelf.model(), f"models:/{NAME}/9", f"models:/{NAME}/²"):
        with pytest.raises(MlflowException, match=r"expected a tag outside acgs\.\*"):
            shelf.store.create_model_version(NAME, source, tags=forged)


def test_a_copy_to_an_ungoverned_name_leaves_the_line_about_its_original(shelf: Shelf) -> None:
    shelf.register()
    shelf.store.update_model_version(NAME, 1, "words")
    copy = shelf.store.copy_model_version(shelf.store.get_model_version(NAME, 1), "plain-copy")
    assert (copy.description, copy.tags) == ("words", {})


# --- prompts


def test_every_source_that_mlflow_gives_prompts_is_known() -> None:
    assert set(mlflow_tables.PROMPT_SOURCES) == _PROMPT_SOURCE_PLACEHOLDERS


@pytest.fixture(params=["client", "store"])
def prompt(request: pytest.FixtureRequest, shelf: Shelf) -> str:
    """A prompt as `register_prompt` makes it, and as `create_prompt_version` does."""
    if request.param == "client":
        tags = [RegisteredModelTag(IS_PROMPT_TAG_KEY, "true")]
        shelf.store.create_registered_model(PROMPT, tags)
        text = [
            ModelVersionTag(IS_PROMPT_TAG_KEY, "true"),
            ModelVersionTag("mlflow.prompt.text", "Say {{word}}"),
        ]
        shelf.store.create_model_version(PROMPT, "dummy-source", tags=text)
    else:
        shelf.store.create_prompt(PROMPT)
        shelf.store.create_prompt_version(PROMPT, "Say {{word}}")
    return PROMPT


def test_a_prompt_has_no_record_and_is_in_no_list_of_versions(shelf: Shelf, prompt: str) -> None:
    registry = shelf.store.registry
    registry.takeover.adopt_oldest(prompt, 10, "anyone")
    assert registry.versions.is_prompt(prompt, 1)
    assert registry.versions.live_record(prompt, 1) is None
    assert registry.versions.models() == []
    tags = shelf.store.get_model_version(prompt, 1).tags
    assert [key for key in tags if key.startswith("acgs.")] == []
    with registry.engine.connect() as connection:
        assert facts.untagged(connection, lambda _name: True) == 0
        assert retention_facts.claims(connection, registry.gate.settings) == []


def test_a_prompt_takes_its_own_aliases_and_no_governed_place(shelf: Shelf, prompt: str) -> None:
    store = shelf.store
    for alias in ("production", "live"):
        store.set_registered_model_alias(prompt, alias, "1")
    assert store.get_prompt_version_by_alias(prompt, "live").template == "Say {{word}}"
    for alias in ("champion", "Challenger"):
        with pytest.raises(MlflowException, match=r"alias\.prompt"):
            store.set_registered_model_alias(prompt, alias, "1")
    for stage in ("Staging", "Production"):
        with pytest.raises(MlflowException, match=r"stage\.prompt"):
            store.transition_model_version_stage(prompt, "1", stage, False)
    archived = store.transition_model_version_stage(prompt, "1", "Archived", False)
    assert archived.current_stage == "Archived"
    assert store.registry.versions.live_record(prompt, 1) is None


def test_a_prompt_is_renamed_and_deleted_like_any(shelf: Shelf, prompt: str) -> None:
    store = shelf.store
    store.rename_registered_model(prompt, "observed-renamed")
    store.delete_model_version("observed-renamed", "1")
    store.delete_registered_model("observed-renamed")
    assert store.search_registered_models() == []


# --- the stage that a version has


@pytest.mark.parametrize("stage", ["Staging", "staging", "Production"])
def test_a_version_that_asks_for_its_own_stage_may_have_the_others_archived(
    shelf: Shelf, stage: str
) -> None:
    shelf.register()
    shelf.register(inputs=GROWN)
    with shelf.store.ManagedSessionMaker(read_only=False) as session:
        for number in (1, 2):
            # As plain MLflow leaves them: its Production holds as many as were put there.
            row = shelf.store._get_sql_model_version(session, NAME, number)
            row.current_stage = stage.title()
    shelf.store.transition_model_version_stage(NAME, 2, stage, False)
    assert stages(shelf, 1, 2) == [stage.title(), stage.title()]
    found = shelf.store.transition_model_version_stage(NAME, 2, stage, True)
    assert found.current_stage == stage.title()
    assert stages(shelf, 1, 2) == ["Archived", stage.title()]


def test_only_an_active_stage_has_others_to_archive(shelf: Shelf) -> None:
    shelf.register()
    for stage in ("None", "Archived"):
        with pytest.raises(MlflowException, match="cannot archive existing model versions"):
            shelf.store.transition_model_version_stage(NAME, 1, stage, True)


# --- ungoverned names


@pytest.mark.parametrize("uri", ["1.0.0", "1.x"])
def test_an_ungoverned_name_has_no_semantic_versions_in_addresses(shelf: Shelf, uri: str) -> None:
    shelf.store.create_registered_model("plain-one")
    shelf.store.create_model_version("plain-one", shelf.model())
    with pytest.raises(MlflowException, match=f"Invalid Model Version stage: {uri}"):
        shelf.store.get_latest_versions("plain-one", [uri])
    with pytest.raises(MlflowException, match=f"Invalid alias name: '{uri}'"):
        shelf.store.get_model_version_by_alias("plain-one", uri)


def test_texts_of_ungoverned_names_are_limited_by_mlflow_alone_on_sqlite(shelf: Shelf) -> None:
    store, long = shelf.store, "x" * 100_000
    store.create_registered_model("plain-long", [RegisteredModelTag("k", long)], long)
    store.set_registered_model_tag("plain-long", RegisteredModelTag("l", long))
    found = store.get_registered_model("plain-long")
    assert (found.tags["k"], found.tags["l"], found.description) == (long, long, long)
    with pytest.raises(MlflowException, match="exceeds the maximum length of 100000"):
        store.set_registered_model_tag("plain-long", RegisteredModelTag("k", long + "x"))
