"""A database that plain MLflow filled is taken over in the background, and given back."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities.model_registry import ModelVersionTag
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from sqlalchemy import inspect, select

from infra.clock import utc_now
from registry.bootstrap import open_registry
from tests.support.adoption_site import SECONDS, Site, without_times
from tests.support.plain_mlflow import Version, dump, fill, plain_store

MODELS = 60
VERSIONS = 200
WITH_FILES = 40


def plain_versions(folder: Path) -> Iterator[Version]:
    """Models of different length; some versions have files, some had, one is a prompt."""
    for count in range(VERSIONS):
        model, number = divmod(count, VERSIONS // MODELS)
        if model >= MODELS:
            return
        source = folder / f"{model}-{number}"
        if count < WITH_FILES:
            source.mkdir(parents=True)
            (source / "MLmodel").write_text(f"flavors: {{}}\n# {count}\n")
        tags = {"team": "risk", "acgs.note": "mine"} if number == 0 else {}
        stage = "Production" if number == 1 else "None"
        yield Version(
            f"model-{model:04d}", number + 1, str(source), None, stage, "plain words", tags
        )
    yield Version("a-prompt", 1, "dummy-source", tags={"mlflow.prompt.is_prompt": "true"})


@pytest.fixture
def site(bare_site: Site, tmp_path: Path) -> Site:
    with plain_store(bare_site.url) as store:
        fill(store.engine, plain_versions(tmp_path / "files"))
    return bare_site


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def await_recorded(site: Site, least: int) -> dict[str, Any]:
    limit = time.monotonic() + SECONDS
    while (found := site.status())["recorded"] < least:
        assert time.monotonic() < limit, (site.root / "adoption.log").read_text()[-2000:]
    return found


def test_what_the_tests_insert_is_what_mlflow_writes(tmp_path: Path) -> None:
    with plain_store(f"sqlite:///{tmp_path / 'mlflow.db'}") as store:
        store.create_registered_model("api")
        store.create_model_version(
            "api", "/files/1", tags=[ModelVersionTag("a", "b")], description="words"
        )
        fill(store.engine, [Version("sql", 1, "/files/1", description="words", tags={"a": "b"})])
        found = dump(store.engine)
    for table in ("registered_models", "model_versions", "model_version_tags"):
        rows = [
            # Everything but the names and the times.
            [None if value in {"api", "sql"} or isinstance(value, int) else value for value in row]
            for row in found[table]
        ]
        assert rows[0] == rows[1], table


def test_it_records_in_the_background_goes_on_after_a_kill_and_goes_without_a_trace(
    site: Site,
) -> None:
    before = dump(site.engine)
    assert site.acgs("prepare").returncode == 0
    total = MODELS * (VERSIONS // MODELS)
    assert site.status()["waiting"] == total
    first = site.role()
    found = await_recorded(site, 1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed_at = site.status()["recorded"]
    assert 0 < found["recorded"] <= killed_at <= total
    done = site.acgs("adoption", "run")
    # The killed one was of this machine, so nobody waits for the end of its lease.
    assert done.stdout.strip() != "recorded 0 versions" or killed_at == total
    assert done.returncode == 0, done.stderr
    found = site.status()
    assert (found["state"], found["recorded"], found["waiting"]) == ("done", total, 0)
    assert found["unreadable"] == total - WITH_FILES
    check_records(site)
    after = dump(site.engine)
    assert after == before
    touch(site)
    give_back(site, before)


def check_records(site: Site) -> None:
    registry = open_registry(site.settings)
    versions = registry.versions.versions("model-0000")
    assert [version.version for version in versions] == list(range(VERSIONS // MODELS, 0, -1))
    order = [version.created_ms for version in versions]
    assert order == sorted(order, reverse=True)
    assert [v.semver for v in reversed(versions)] == ["0.1.0", "0.2.0", "0.3.0"]
    assert all(version.manifest_digest for version in versions)
    assert registry.versions.versions("a-prompt") == []
    adopted = [e for e in registry.audit.events(limit=10_000) if e.type == "model_version.adopted"]
    assert len(adopted) == MODELS * (VERSIONS // MODELS)
    registry.engine.dispose()


def touch(site: Site) -> None:
    """Do something governed, so that MLflow's pages show a version's record."""
    from registry.plugin.store import GovernedStore

    store = GovernedStore(site.settings)
    store.transition_model_version_stage("model-0000", 1, "Staging", False)
    shown = store.get_model_version("model-0000", 1)
    assert shown.tags["acgs.version"] == "0.1.0"
    assert "Governance" in (shown.description or "")
    store.transition_model_version_stage("model-0000", 1, "None", False)
    other = store.registry.versions.find_version("model-0001", "0.1.0")
    assert "acgs.version" not in store.get_model_version("model-0001", 1).tags
    store.registry.standings.deprecate(other.uid, "ada@cli", "too old", utc_now())
    told = dict(store.get_model_version("model-0001", 1).tags)
    assert told == {"team": "risk", "acgs.note": "mine", "acgs.standing": "deprecated: too old"}
    store.registry.engine.dispose()
    store.engine.dispose()


def give_back(site: Site, before: dict[str, list[tuple[Any, ...]]]) -> None:
    running = site.role()
    with ended(running):
        if site.engine.dialect.name == "postgresql":
            await_recorded(site, 1)
            time.sleep(1)
            refused = site.acgs("uninstall", "--yes")
            assert refused.returncode == 3, refused.stdout
            assert "no other connection to the database" in refused.stderr
    site.engine.dispose()
    dry = site.acgs("uninstall", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would be removed: table acgs_version" in dry.stdout
    wrong = site.acgs("uninstall", given="yes\n")
    assert wrong.returncode == 2, wrong.stdout
    assert "acgs_version" in inspect(site.engine).get_table_names()
    site.engine.dispose()
    gone = site.acgs("uninstall", given="uninstall\n")
    assert gone.returncode == 0, gone.stderr
    assert [t for t in inspect(site.engine).get_table_names() if t.startswith("acgs_")] == []
    assert inspect(site.engine).get_indexes("model_versions") == []
    after = dump(site.engine)
    with site.engine.connect() as connection:
        touched = connection.execute(
            select(SqlModelVersion.description, SqlModelVersion.current_stage).where(
                SqlModelVersion.name == "model-0000", SqlModelVersion.version == 1
            )
        ).one()
    assert tuple(touched) == ("plain words", "None")
    assert without_times(after) == without_times(before)
    with plain_store(site.url) as store:
        assert store.get_model_version("model-0000", 1).tags == {
            "team": "risk",
            "acgs.note": "mine",
        }
        made = store.create_model_version("model-0000", "/files/next")
        assert int(made.version) == VERSIONS // MODELS + 1
        assert len(store.search_registered_models()) == MODELS


def test_the_role_is_light(site: Site) -> None:
    assert site.acgs("prepare").returncode == 0
    began = time.monotonic()
    role = site.role()
    with ended(role):
        beat = site.root / "run" / "adoption.beat"
        while not beat.exists():
            assert time.monotonic() - began < SECONDS
            time.sleep(0.02)
        await_recorded(site, 1)
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in (site.root / "adoption.log").read_text().splitlines()
        if line.startswith("import time:")
    }
    assert "sqlalchemy" in imported
    assert "mlflow" not in imported
