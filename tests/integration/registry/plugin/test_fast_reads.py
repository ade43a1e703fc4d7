"""The governed store answers what plain MLflow answers, and loads no model's every version."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import event

from infra.settings import Settings
from registry.plugin.store import GovernedStore
from tests.support.plain_mlflow import Version, fill, plain_store
from tests.support.platform import write_constitution
from tests.support.stores import Kind, put_database

STAGES = ("None", "Staging", "Production", "Archived")
MANY = 400
FEW = len(STAGES) + 1
"""The newest version of each stage, and the one that is asked about."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GovernedStore, SqlAlchemyStore]]:
    root: Path = tmp_path_factory.mktemp("fast")
    write_constitution(root)
    url = ""
    if request.param == "sqlite":
        put_database(root)
    else:
        url = request.getfixturevalue("databases").new(Kind.POSTGRES)
    ours = GovernedStore(Settings(storage_root=root, database_url=url))
    with plain_store(ours.registry.gate.settings.sqlalchemy_url) as plain:
        yield ours, plain
        ours.registry.engine.dispose()


numbers = st.integers(1, 8)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("create")),
        st.tuples(st.just("stage"), numbers, st.sampled_from(STAGES), st.booleans()),
        st.tuples(st.just("alias"), st.sampled_from(["champion", "b", "a"]), numbers),
        st.tuples(st.just("unalias"), st.sampled_from(["champion", "b", "a"])),
        st.tuples(st.just("tag"), numbers, st.sampled_from(["x", "y"]), st.text(max_size=3)),
        st.tuples(st.just("untag"), numbers, st.sampled_from(["x", "y"])),
        st.tuples(st.just("describe"), numbers),
        st.tuples(st.just("delete"), numbers),
    ),
    max_size=10,
)


def act(store: SqlAlchemyStore, name: str, step: tuple[Any, ...]) -> object:
    match step:
        case ("create",):
            return store.create_model_version(name, "/models/nowhere")
        case ("stage", number, stage, archive):
            return store.transition_model_version_stage(name, number, stage, archive)
        case ("alias", alias, number):
            return store.set_registered_model_alias(name, alias, number)
        case ("unalias", alias):
            return store.delete_registered_model_alias(name, alias)
        case ("tag", number, key, value):
            return store.set_model_version_tag(name, number, ModelVersionTag(key, value))
        case ("untag", number, key):
            return store.delete_model_version_tag(name, number, key)
        case ("describe", number):
            return store.update_model_version(name, number, "words")
        case _:
            return store.delete_model_version(name, step[1])


def answer(ask: Callable[[], Any]) -> object:
    """Return an answer as it goes over the wire, or the error."""
    try:
        found = ask()
    except MlflowException as err:
        return err.error_code, err.message
    if isinstance(found, list):
        return [one.to_proto() for one in found], getattr(found, "token", None)
    return found.to_proto() if hasattr(found, "to_proto") else found


def reads(store: SqlAlchemyStore, name: str) -> dict[str, object]:
    """Ask everything there is to ask about a model."""
    asked: dict[str, Callable[[], Any]] = {
        "model": lambda: store.get_registered_model(name),
        "models": lambda: store.search_registered_models(f"name LIKE '{name}%'"),
        "versions": lambda: store.search_model_versions(f"name='{name}'"),
        "page": lambda: store.search_model_versions(f"name='{name}'", max_results=2),
        "newest": lambda: store.get_latest_versions(name),
        "missing": lambda: store.get_registered_model(name + "-missing"),
        "newest missing": lambda: store.get_latest_versions(name + "-missing"),
        "no such stage": lambda: store.get_latest_versions(name, ["Nowhere"]),
        "by latest": lambda: store.get_model_version_by_alias(name, "latest"),
    }
    for stages in (["Production"], ["production", "None"], ["Archived", "Staging"]):
        asked[f"newest {stages}"] = lambda s=stages: store.get_latest_versions(name, s)  # type: ignore[misc]
    for alias in ("champion", "a", "b"):
        asked[f"@{alias}"] = lambda a=alias: store.get_model_version_by_alias(name, a)  # type: ignore[misc]
    for number in range(1, 9):
        asked[f"v{number}"] = lambda n=number: store.get_model_version(name, n)  # type: ignore[misc]
    return {what: answer(ask) for what, ask in asked.items()}


def ordered(found: dict[str, object]) -> dict[str, object]:
    """Put in order what SQL leaves in none: a database answers as its pages or indexes have it."""
    return {what: _sorted(value) for what, value in found.items()}


def _sorted(value: Any) -> object:
    if isinstance(value, tuple) and isinstance(value[0], list):
        return sorted(str(_sorted(one)) for one in value[0]), value[1]
    for fields in ("latest_versions", "aliases", "tags"):
        if hasattr(value, fields):
            rows = sorted(getattr(value, fields), key=str)
            value.ClearField(fields)
            getattr(value, fields).extend(rows)
    return value


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=steps)
def test_every_read_is_plain_mlflows_after_any_history(
    stores: tuple[GovernedStore, SqlAlchemyStore], history: list[tuple[Any, ...]]
) -> None:
    ours, plain = stores
    name = f"scratch-{uuid.uuid4().hex}"
    ours.create_registered_model(name, [RegisteredModelTag("team", "risk")], "words")
    for step in [("create",), ("create",), *history]:
        with contextlib.suppress(MlflowException):
            act(ours, name, step)
    assert ordered(reads(ours, name)) == ordered(reads(plain, name))


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=steps)
def test_renaming_and_deleting_leave_what_plain_mlflow_leaves(
    stores: tuple[GovernedStore, SqlAlchemyStore], history: list[tuple[Any, ...]]
) -> None:
    mark = uuid.uuid4().hex
    left = []
    for who, store in zip(("o", "p"), stores, strict=True):
        name = f"{who}-{mark}"
        store.create_registered_model(name, [RegisteredModelTag("team", "risk")], "words")
        for step in [("create",), ("create",), *history]:
            answer(lambda s=step, n=name, on=store: act(on, n, s))  # type: ignore[misc]
        store.rename_registered_model(name, f"{name}-new")
        found = reads(stores[1], f"{name}-new")
        taken = answer(lambda n=name, on=store: on.rename_registered_model(n + "-new", n + "-new"))  # type: ignore[misc]
        gone = answer(lambda n=name, on=store: on.rename_registered_model(n, n + "-newer"))  # type: ignore[misc]
        store.delete_registered_model(f"{name}-new")
        after = reads(stores[1], f"{name}-new")
        left.append([_anonymous(value, name) for value in (found, gone, after)])
        assert taken is not None
    assert left[0] == left[1]


def _anonymous(value: object, name: str) -> str:
    """Leave out what two models cannot share: their names and the time."""
    lines = str(value).replace(name, "NAME").replace("\\n", "\n").splitlines()
    return "\n".join(line for line in lines if "timestamp" not in line)


def test_no_operation_loads_every_version(
    stores: tuple[GovernedStore, SqlAlchemyStore],
) -> None:
    ours, _ = stores
    name = f"scratch-{uuid.uuid4().hex}"
    fill(ours.engine, (Version(name, n, f"/models/{n}") for n in range(1, MANY + 1)))
    ours.transition_model_version_stage(name, 7, "Production", False)
    loaded: list[object] = []
    event.listen(SqlModelVersion, "load", lambda target, _: loaded.append(target))
    calls: dict[str, Callable[[], object]] = {
        "set a tag": lambda: ours.set_model_version_tag(name, 9, ModelVersionTag("a", "b")),
        "delete a tag": lambda: ours.delete_model_version_tag(name, 9, "a"),
        "set an alias": lambda: ours.set_registered_model_alias(name, "here", 9),
        "get by alias": lambda: ours.get_model_version_by_alias(name, "here"),
        "delete an alias": lambda: ours.delete_registered_model_alias(name, "here"),
        "newest versions": lambda: ours.get_latest_versions(name),
        "newest in Production": lambda: ours.get_latest_versions(name, ["Production"]),
        "the model": lambda: ours.get_registered_model(name),
        "search models": lambda: ours.search_registered_models(f"name='{name}'"),
        "describe the model": lambda: ours.update_registered_model(name, "words"),
        "create": lambda: ours.create_model_version(name, "/models/next"),
        "describe": lambda: ours.update_model_version(name, 9, "words"),
        "transition": lambda: ours.transition_model_version_stage(name, 9, "Production", True),
        "delete": lambda: ours.delete_model_version(name, 11),
        "rename": lambda: ours.rename_registered_model(name, name + "-new"),
        "delete the model": lambda: ours.delete_registered_model(name + "-new"),
    }
    for what, call in calls.items():
        loaded.clear()
        call()
        assert len(loaded) <= FEW, f"{what} loaded {len(loaded)} of {MANY} versions"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
