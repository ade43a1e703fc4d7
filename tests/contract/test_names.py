"""Names at the limits of what a database holds, and one past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from infra.settings import Settings
from registry.plugin.store import GovernedStore
from registry.versions.catalogue import Versions
from tests.support.platform import write_constitution
from tests.support.stores import Databases, Kind


@pytest.fixture
def store(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[GovernedStore]:
    write_constitution(tmp_path)  # governs `credit*`
    opened = GovernedStore(Settings(storage_root=tmp_path, database_url=databases.new(kind)))
    yield opened
    opened.registry.engine.dispose()
    opened.engine.dispose()


def test_a_name_as_long_as_the_column_is_kept_whatever_its_letters(store: GovernedStore) -> None:
    for name in ("n" * 256, "ü" * 256, "模" * 256, "🦆" * 256):
        store.create_registered_model(name)
        assert store.get_registered_model(name).name == name


@pytest.mark.parametrize("name", ["n" * 257, "n" * 10_000, "nul\0", "line\nbreak"])
def test_a_name_that_no_database_holds_is_refused_without_sql(
    store: GovernedStore, name: str
) -> None:
    store.create_registered_model("short")
    acts: tuple[Callable[[], object], ...] = (
        lambda: store.create_registered_model(name),
        lambda: store.rename_registered_model("short", name),
    )
    for act in acts:
        with pytest.raises(MlflowException, match="expected a model name") as told:
            act()
        assert told.value.error_code == "INVALID_PARAMETER_VALUE"
        assert "INSERT" not in str(told.value)
    assert [model.name for model in store.search_registered_models()] == ["short"]


@pytest.mark.parametrize(
    ("name", "new_name"), [("a", "b"), ("credit-a", "credit-b"), ("a", "credit-b")]
)
def test_a_name_that_is_taken_is_said_to_be_without_sql(
    store: GovernedStore, name: str, new_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("a", "b", "credit-a", "credit-b"):
        store.create_registered_model(each)
    for unseen in (False, True):
        if unseen:
            # Somebody took it after the look.
            monkeypatch.setattr(Versions, "is_registered", lambda _self, _name: False)
        with pytest.raises(MlflowException) as told:
            store.rename_registered_model(name, new_name)
        assert told.value.error_code == "RESOURCE_ALREADY_EXISTS"
        assert str(told.value).endswith(f"Registered Model (name={new_name}) already exists.")
    assert len(store.search_registered_models()) == 4
