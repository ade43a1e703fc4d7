"""The governed store beside MLflow's own: every method, odd arguments, the same answer."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from infra.settings import Settings
from registry.adapters import mirror
from registry.plugin.store import GovernedStore
from tests.support.differences import ALL_NAMES, GOVERNED_NAMES, Difference
from tests.support.plain_mlflow import plain_store
from tests.support.platform import write_constitution
from tests.support.stores import put_database

SOURCE = "@source"
MODEL_TAG, TAG = RegisteredModelTag("k", "v"), ModelVersionTag("k", "v")
METHODS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # First: they find whatever is there, and some later calls are refused by one of the two.
    "search models": (
        "search_registered_models",
        {"filter_string": "name = '@'", "max_results": 5, "order_by": ["name"], "page_token": ""},
    ),
    "search versions": (
        "search_model_versions",
        {
            "filter_string": "name = '@'",
            "max_results": 5,
            "order_by": ["version_number"],
            "page_token": "",
        },
    ),
    "create a model": (
        "create_registered_model",
        {"name": "@new", "tags": [MODEL_TAG], "description": "d", "deployment_job_id": "j"},
    ),
    "describe a model": ("update_registered_model", {"name": "@", "description": "d"}),
    "rename a model": ("rename_registered_model", {"name": "@", "new_name": "@new"}),
    "delete a model": ("delete_registered_model", {"name": "@"}),
    "get a model": ("get_registered_model", {"name": "@"}),
    "newest versions": ("get_latest_versions", {"name": "@", "stages": ["None"]}),
    "tag a model": ("set_registered_model_tag", {"name": "@", "tag": MODEL_TAG}),
    "untag a model": ("delete_registered_model_tag", {"name": "@", "key": "k"}),
    "create a version": (
        "create_model_version",
        {
            "name": "@",
            "source": SOURCE,
            "run_id": "r" * 32,
            "tags": [TAG],
            "run_link": "l",
            "description": "d",
            "model_id": None,
        },
    ),
    "copy a version": ("create_model_version", {"name": "@", "source": "models:/@/1"}),
    "describe a version": (
        "update_model_version",
        {"name": "@", "version": "1", "description": "d"},
    ),
    "archive a version": (
        "transition_model_version_stage",
        {"name": "@", "version": "1", "stage": "Archived", "archive_existing_versions": False},
    ),
    "stage a version": (
        "transition_model_version_stage",
        {"name": "@", "version": "1", "stage": "None", "archive_existing_versions": True},
    ),
    "delete a version": ("delete_model_version", {"name": "@", "version": "1"}),
    "get a version": ("get_model_version", {"name": "@", "version": "1"}),
    "where a version is": ("get_model_version_download_uri", {"name": "@", "version": "1"}),
    "tag a version": ("set_model_version_tag", {"name": "@", "version": "1", "tag": TAG}),
    "untag a version": ("delete_model_version_tag", {"name": "@", "version": "1", "key": "k"}),
    "set an alias": ("set_registered_model_alias", {"name": "@", "alias": "a", "version": "1"}),
    "remove an alias": ("delete_registered_model_alias", {"name": "@", "alias": "a"}),
    "version by alias": ("get_model_version_by_alias", {"name": "@", "alias": "a"}),
}
VALUES: tuple[Any, ...] = (
    None, "", " ", 0, "1.0.0", "99", "²", "é", "x" * 300, [], "nul\0", "TAKEN",
)  # fmt: skip
TAGS: tuple[Any, ...] = tuple(
    ModelVersionTag(key, value)
    for key, value in (
        (None, None), ("", ""), ("k", None), ("k", ""), ("k", "x" * 6000), ("k", "x" * 100_001),
        ("k" * 251, "v"), ("a/../b", "v"), ("acgs.version", "9.9.9"),
    )
)  # fmt: skip
SEEN: dict[str, set[Difference]] = {"plain": set(), "observed": set()}


@dataclass(frozen=True)
class Pair:
    plain: SqlAlchemyStore
    ours: GovernedStore
    source: str


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    root: Path = tmp_path_factory.mktemp("odd")
    write_constitution(root)  # governs `observed*`, and never refuses it
    put_database(root)
    folder = root / "models" / "m"
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    ours = GovernedStore(Settings(storage_root=root))
    with plain_store(f"sqlite:///{root / 'plain.db'}") as plain:
        yield Pair(plain, ours, str(folder))
    ours.registry.engine.dispose()
    ours.engine.dispose()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def odd_values(argument: str) -> tuple[Any, ...]:
    if argument == "tag":
        return TAGS
    if argument == "tags":
        return (None, "", [], *([tag] for tag in TAGS))
    return VALUES


def fill(store: SqlAlchemyStore, name: str, source: str) -> None:
    """Make a model with a version and an alias, and another whose name is taken."""
    with contextlib.suppress(MlflowException):
        store.create_registered_model(f"{name.partition('-')[0]}-taken")
    store.create_registered_model(name, [MODEL_TAG])
    store.create_model_version(name, source, tags=[TAG])
    store.set_registered_model_alias(name, "a", "1")


def forget(store: SqlAlchemyStore, name: Any, kind: str) -> None:
    """Delete a model under a name that several cases give, if it was made."""
    if name == f"{kind}-taken":
        return
    with contextlib.suppress(Exception):
        store.delete_registered_model(name)


def put(value: Any, name: str, source: str) -> Any:
    if isinstance(value, str):
        known = {SOURCE: source, "TAKEN": f"{name.partition('-')[0]}-taken"}
        return known.get(value) or value.replace("@", name)
    return [put(item, name, source) for item in value] if isinstance(value, list) else value


def answer(store: SqlAlchemyStore, method: str, arguments: Mapping[str, Any], name: str) -> str:
    try:
        found = shown(getattr(store, method)(**arguments))
    except MlflowException as err:
        found = f"{err.error_code}: {err.message}"
    except Exception as err:
        # Plain MLflow's own, for what no server hands on.
        found = type(err).__name__
    return re.sub(r"(timestamp\W+)\d+", r"\1", found.replace(name, "@"))


def shown(value: Any) -> str:
    """Return an entity's fields, without what the platform adds to governed versions."""
    if isinstance(value, list):
        return str([shown(item) for item in value])
    if not hasattr(value, "__iter__") or isinstance(value, str):
        return str(value)
    fields = dict(value)
    fields["latest_versions"] = [shown(item) for item in fields.get("latest_versions", [])]
    fields["tags"] = {k: v for k, v in fields["tags"].items() if not k.startswith("acgs.")}
    words = fields["description"]
    fields["description"] = mirror.own_words("" if words is None else str(words))
    # What is no text is text once it was in the database.
    return "ok " + str({key: str(field) for key, field in fields.items()})


def difference(ours: str, kind: str) -> Difference | None:
    listed = ALL_NAMES if kind == "plain" else (*ALL_NAMES, *GOVERNED_NAMES)
    return next((known for known in listed if re.search(known.pattern, ours)), None)


@pytest.mark.parametrize("kind", list(SEEN))
@pytest.mark.parametrize("what", list(METHODS))
def test_a_method_answers_odd_arguments_as_plain_mlflow_does(
    pair: Pair, what: str, kind: str
) -> None:
    method, valid = METHODS[what]
    count, fresh, found = 0, False, []
    for argument in valid:
        for value in odd_values(argument):
            if not fresh:
                count += 1
                name = f"{kind}-{what.replace(' ', '-')}-{count}"
                for store in (pair.plain, pair.ours):
                    fill(store, name, pair.source)
            told = []
            for store in (pair.plain, pair.ours):
                arguments = {k: put(v, name, pair.source) for k, v in valid.items()}
                arguments[argument] = put(value, name, pair.source)
                told.append(answer(store, method, arguments, name))
            if method.startswith(("create_registered", "rename")):
                for store in (pair.plain, pair.ours):
                    forget(store, arguments.get("new_name", arguments["name"]), kind)
            # What was refused has changed nothing.
            fresh = method.startswith(("get", "search")) or not any(
                text.startswith(("ok", "None")) for text in told
            )
            if told[0] != told[1]:
                known = difference(told[1], kind)
                if known is None:
                    found.append((argument, str(value)[:40], told[0][:300], told[1][:300]))
                else:
                    SEEN[kind].add(known)
    assert found == []


def test_every_listed_difference_is_one(pair: Pair) -> None:
    del pair
    assert {d.what for d in SEEN["plain"]} == {d.what for d in ALL_NAMES}
    assert {d.what for d in SEEN["observed"] & {*GOVERNED_NAMES}} == {
        d.what for d in GOVERNED_NAMES
    }
