"""Measures everyday registry calls beside plain MLflow on the same database."""

from __future__ import annotations

import contextlib
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.crowd import crowd
from benchmarks.peers import plain_registry_on
from benchmarks.report import Row, Target, compared
from infra.servers import postgres
from infra.settings import Settings
from pipelines.steps.models import Recipe
from tests.support import credit
from tests.support.platform import write_constitution
from tests.support.replicas import replicas

MANY, SOME = 10_000, 1_000
CALLS = 20
WARM_UPS = 3
FLAT = Target(0.1)
"""Where plain MLflow's time grows with the versions of a model."""
LIKE = Target(1.15)
"""Everywhere else."""

Call = Callable[[Any, "Model", int], object]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Model:
    """What a call is about.

    Attributes:
        name: governed; the same for both servers.
        run_id, source: of a run with a small model's files.
    """

    name: str
    run_id: str
    source: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One kind of call.

    Attributes:
        call: is timed; given a number that no other call of its kind is given.
        before: makes it possible, and is not timed.
    """

    call: Call
    before: Call | None = None


def run(folder: Path, effort: Effort) -> Rows:
    """Send both servers the same calls, in turns, on SQLite and on PostgreSQL."""
    rows = [*_on(folder / "sqlite", "SQLite", "", effort)]
    with postgres.started() as server:
        rows += _on(folder / "postgres", "PostgreSQL", server.new_database(), effort)
    return rows


def _on(root: Path, database: str, url: str, effort: Effort) -> Rows:
    root.mkdir()
    write_constitution(root)
    settings = Settings(storage_root=root, database_url=url)
    with (
        replicas(root, 1, ACGS_DATABASE_URL=url) as [ours],
        plain_registry_on(root / "peer", settings.sqlalchemy_url) as theirs,
    ):
        clients = [MlflowClient(site, site) for site in (ours, theirs)]
        rows: list[Row] = []
        for count, asked, target in ((MANY, AT_MANY, FLAT), (SOME, AT_SOME, LIKE)):
            versions = effort.count(count)
            model = _model(settings, clients[0], versions)
            for what, one in asked.items():
                times = _turn_about(clients, one, model, effort.count(CALLS), versions)
                title = f"{what}, {versions:,} versions, {database}"
                ours_row, theirs_row, ratio = compared(title, "ms", *times)
                judged = target if what not in UNJUDGED else None
                rows += [ours_row, theirs_row, Row(ratio.what, "x", ratio.samples, judged)]
        return rows


def _model(settings: Settings, client: MlflowClient, versions: int) -> Model:
    run = client.create_run("0").info
    relative = run.artifact_uri.removeprefix("mlflow-artifacts:/")
    target = settings.storage_root / "artifacts" / relative / "model"
    shutil.copytree(credit.saved(Recipe.BASELINE), target)
    model = Model(f"credit-{versions}", run.run_id, f"{run.artifact_uri}/model")
    crowd(settings, model.name, versions, model.source)
    with _stages():
        newest = client.get_latest_versions(model.name)
    require(len(newest) == 3, "the newest version of three stages", len(newest))
    return model


def _turn_about(
    clients: Sequence[Any], asked: Asked, model: Model, calls: int, versions: int
) -> tuple[list[float], list[float]]:
    taken: tuple[list[float], list[float]] = ([], [])
    # Versions that stand in no stage, each used once for a kind of call.
    number = versions // 2
    for turn in range(WARM_UPS + calls):
        for client, milliseconds in zip(clients, taken, strict=True):
            number += 1
            if asked.before is not None:
                asked.before(client, model, number)
            began = time.monotonic()
            asked.call(client, model, number)
            if turn >= WARM_UPS:
                milliseconds.append((time.monotonic() - began) * 1000)
    return taken


@contextlib.contextmanager
def _stages() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _move(client: Any, model: Model, number: int, stage: str) -> None:
    with _stages():
        client.transition_model_version_stage(model.name, str(number), stage)


def _newest(client: Any, model: Model, _: int) -> None:
    with _stages():
        client.get_latest_versions(model.name)


def _tag(client: Any, model: Model, number: int) -> None:
    client.set_model_version_tag(model.name, str(number), "note", str(time.monotonic()))


def _alias(client: Any, model: Model, number: int) -> None:
    client.set_registered_model_alias(model.name, "candidate", str(number))


def _create(client: Any, model: Model, _: int) -> None:
    client.create_model_version(model.name, model.source, model.run_id, await_creation_for=None)


TAG, ALIAS, NEWEST = Asked(_tag), Asked(_alias), Asked(_newest)
MODEL = Asked(lambda client, model, _: client.get_registered_model(model.name))

AT_MANY: dict[str, Asked] = {
    "set a version's tag": TAG,
    "delete a version's tag": Asked(
        lambda client, model, n: client.delete_model_version_tag(model.name, str(n), "note"), _tag
    ),
    "set an alias that is not governed": ALIAS,
    "delete an alias": Asked(
        lambda client, model, _: client.delete_registered_model_alias(model.name, "candidate"),
        _alias,
    ),
    "get the newest versions": NEWEST,
    "get the model": MODEL,
}
AT_SOME: dict[str, Asked] = {
    **AT_MANY,
    "register a version, hashing its 6 files": Asked(_create),
    "get a version": Asked(lambda client, model, n: client.get_model_version(model.name, str(n))),
    "get a version by alias": Asked(
        lambda client, model, _: client.get_model_version_by_alias(model.name, "candidate"), _alias
    ),
    "search 100 versions": Asked(
        lambda client, model, _: client.search_model_versions(
            f"name='{model.name}'", max_results=100
        )
    ),
    "search by tag": Asked(
        lambda client, model, _: client.search_model_versions(
            f"name='{model.name}' AND tags.note='x'"
        )
    ),
    "search models": Asked(lambda client, *_: client.search_registered_models()),
    "move to Archived": Asked(lambda client, model, n: _move(client, model, n, "Archived")),
    "move to None": Asked(
        lambda client, model, n: _move(client, model, n, "None"),
        lambda client, model, n: _move(client, model, n, "Archived"),
    ),
    "describe a version": Asked(
        lambda client, model, n: client.update_model_version(model.name, str(n), "words")
    ),
    "describe the model": Asked(
        lambda client, model, _: client.update_registered_model(model.name, "words")
    ),
    "tag the model": Asked(
        lambda client, model, n: client.set_registered_model_tag(model.name, "note", str(n))
    ),
}
UNJUDGED = ("register a version, hashing its 6 files",)
"""More is done than plain MLflow does, by nature: files are read, hashed and recorded."""

BENCHMARK = Benchmark(
    "registry", "everyday registry calls, beside plain MLflow on the same database", run
)
