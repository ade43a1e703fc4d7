"""Names, tags and aliases at their limits and one past, in any script: kept, or refused clearly."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException

from registry.errors import UnknownVersionError
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import NAME, Shelf
from tests.support.stores import Kind

LONGEST_NAME = "observed-" + "x" * 119
UNGOVERNED = "größe 尺寸 🙂"


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    root: Path = tmp_path_factory.mktemp("limits")
    if request.param == "sqlite":
        return kit.opened(root)
    return kit.opened(root, request.getfixturevalue("databases").new(Kind.POSTGRES))


@pytest.fixture(scope="module")
def number(shelf: Shelf) -> int:
    return shelf.register().version


def refused(said: str) -> pytest.RaisesExc[MlflowException]:
    return pytest.raises(
        MlflowException,
        match=said,
        check=lambda err: err.error_code == "INVALID_PARAMETER_VALUE",
    )


def test_a_governed_name_at_its_limit_is_kept_and_one_past_is_refused(shelf: Shelf) -> None:
    assert shelf.register(name=LONGEST_NAME).semver == "1.0.0"
    with refused("(?s)1-128.*choose a shorter name"):
        shelf.store.create_registered_model(LONGEST_NAME + "x")


@pytest.mark.parametrize("name", ["observed-größe", "observed-a@b", "observed-a,b", "observed-\n"])
def test_a_governed_name_that_some_part_would_misread_is_refused(shelf: Shelf, name: str) -> None:
    with refused("expected a model name"):
        shelf.store.create_registered_model(name)


def test_an_ungoverned_name_may_be_what_mlflow_allows(shelf: Shelf) -> None:
    for name in (UNGOVERNED, "y" * 256):
        shelf.store.create_registered_model(name)
        assert shelf.store.get_registered_model(name).name == name
    with refused("256"):
        shelf.store.create_registered_model("y" * 257)


def test_a_tag_at_its_limits_is_kept_as_it_is(shelf: Shelf, number: int) -> None:
    key, value = "k" * 250, "尺🙂" * 50_000
    shelf.store.set_model_version_tag(NAME, number, ModelVersionTag(key, value))
    assert shelf.store.get_model_version(NAME, number).tags[key] == value
    with refused("250"):
        shelf.store.set_model_version_tag(NAME, number, ModelVersionTag(key + "k", "v"))
    with refused("100000"):
        shelf.store.set_model_version_tag(NAME, number, ModelVersionTag("k", value + "x"))


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_holds_is_refused(shelf: Shelf, number: int, text: str) -> None:
    with refused("expected"):
        shelf.store.set_model_version_tag(NAME, number, ModelVersionTag("k", text))
    with refused("expected"):
        shelf.store.update_model_version(NAME, number, text)
    with refused("expected"):
        shelf.register(version_bump="patch", team=text)


def test_texts_as_long_as_their_columns_are_kept_and_one_more_is_refused(
    shelf: Shelf, number: int
) -> None:
    store, long = shelf.store, "尺" * 5000
    store.update_registered_model(NAME, long)
    store.set_registered_model_tag(NAME, RegisteredModelTag("k", long))
    model = store.get_registered_model(NAME)
    assert (model.description, model.tags["k"]) == (long, long)
    for act in (
        lambda: store.update_registered_model(NAME, long + "x"),
        lambda: store.set_registered_model_tag(NAME, RegisteredModelTag("k", long + "x")),
        lambda: store.create_registered_model("observed-longer", description=long + "x"),
        lambda: store.create_registered_model(
            "observed-longer", [RegisteredModelTag("k", long + "x")]
        ),
        lambda: store.update_model_version(NAME, number, long + "x"),
        lambda: store.create_model_version(NAME, shelf.model(), description=long + "x"),
    ):
        with refused("at most 5000 characters, found 5001") as told:
            act()
        assert "SQL" not in str(told.value)
    for fields, limit in (({"run_link": "l" * 501}, 500), ({"run_id": "r" * 33}, 32)):
        with refused(f"at most {limit} characters, found {limit + 1}"):
            store.create_model_version(NAME, shelf.model(), **fields)
    with refused("source of at most 500 characters, found 501"):
        store.create_model_version(NAME, "s" * 501)


@pytest.mark.parametrize("text", ["nul\0", "\ud800"])
@pytest.mark.parametrize("field", ["run_id", "run_link", "model_id", "description"])
def test_no_field_of_a_version_takes_what_no_database_holds(
    shelf: Shelf, number: int, field: str, text: str
) -> None:
    with refused(f"expected a {field} that a database can hold"):
        shelf.store.create_model_version(NAME, shelf.model(), **{field: text})
    with refused("expected a source that a database can hold"):
        shelf.store.create_model_version(NAME, text)


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO registered_models (name) VALUES (NULL)", "SELECT nothing", "no SQL at all"],
)
def test_what_a_database_refuses_is_told_without_its_statement(
    shelf: Shelf, statement: str
) -> None:
    with (
        pytest.raises(MlflowException) as told,
        shelf.store.ManagedSessionMaker(read_only=False) as session,
    ):
        session.execute(sqlalchemy.text(statement))
    assert "[SQL" not in str(told.value)
    assert statement not in str(told.value)
    assert told.value.get_http_status_code() in {400, 409, 503}


def test_a_text_that_the_driver_refuses_while_reading_is_a_bad_request(shelf: Shelf) -> None:
    if shelf.store.engine.dialect.name == "sqlite":  # takes it, and finds nothing
        assert shelf.store.search_registered_models("name = 'a\0b'") == []
        return
    with pytest.raises(MlflowException) as told:
        shelf.store.search_registered_models("name = 'a\0b'")
    assert told.value.get_http_status_code() == 400


def test_an_alias_at_its_limit_is_kept_and_one_past_is_refused(shelf: Shelf, number: int) -> None:
    alias = "a" * 255
    shelf.store.set_registered_model_alias(NAME, alias, number)
    assert shelf.store.get_model_version_by_alias(NAME, alias).version == number
    with refused("255"):
        shelf.store.set_registered_model_alias(NAME, alias + "a", number)


@pytest.mark.parametrize("alias", ["1.0.0", "1.x", "v1", "latest", "Production", "chаmpion"])
def test_an_alias_that_reads_as_something_else_is_refused(
    shelf: Shelf, number: int, alias: str
) -> None:
    with refused("alias"):
        shelf.store.set_registered_model_alias(NAME, alias, number)


def test_a_description_is_kept_whole_and_the_platforms_line_takes_what_room_is_left(
    shelf: Shelf, number: int
) -> None:
    for length, line in (
        (5000, ""),
        (4950, "\n\n---\n**Governance** version `1.0.0`"),
    ):
        shelf.store.update_model_version(NAME, number, "尺" * length)
        assert shelf.store.get_model_version(NAME, number).description == "尺" * length + line
    shelf.store.update_model_version(NAME, number, "short")
    assert "[lineage](" in shelf.store.get_model_version(NAME, number).description


STRANGE = ["", "9" * 5000, "1.0.0" + "0" * 5000, "٣", "1.٠.0", "@" + "x" * 999]


@pytest.mark.parametrize("spec", STRANGE, ids=range(len(STRANGE)))
def test_a_version_that_cannot_be_is_unknown(shelf: Shelf, number: int, spec: str) -> None:
    with pytest.raises(UnknownVersionError) as caught:
        shelf.store.registry.versions.find_version(NAME, spec)
    assert len(str(caught.value)) < 300
