"""What years of plain MLflow leave behind is taken over, and given back as it was."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import inspect

from infra.servers.guarded import LOOPBACK, free_port
from registry.bootstrap import open_registry
from tests.support import plain_oddities
from tests.support.adoption_site import Site, without_times
from tests.support.plain_mlflow import Version, dump, fill, plain_store
from tests.support.plain_oddities import ODD_NAMES, UNREADABLE


@pytest.fixture
def left(bare_site: Site, tmp_path: Path) -> dict[str, list[int]]:
    """Fill the database; return the numbers of each model's versions that want a record."""
    with plain_store(bare_site.url) as store:
        return plain_oddities.make(store, tmp_path / "files")


def test_every_version_that_is_left_gets_its_record_and_all_goes_without_a_trace(
    bare_site: Site, left: dict[str, list[int]]
) -> None:
    before, total = dump(bare_site.engine), sum(map(len, left.values()))
    prepared = bare_site.acgs("prepare")
    assert prepared.returncode == 0, prepared.stderr
    assert bare_site.status()["waiting"] == total
    done = bare_site.acgs("adoption", "run")
    assert (done.returncode, done.stdout) == (0, f"recorded {total} versions\n"), done.stderr
    found = bare_site.status()
    assert (found["state"], found["recorded"]) == ("done", total)
    assert found["unreadable"] == sum(len(left[name]) for name in UNREADABLE)
    check_records(bare_site, left)
    assert dump(bare_site.engine) == before
    govern(bare_site)
    bare_site.engine.dispose()
    gone = bare_site.acgs("uninstall", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert [t for t in inspect(bare_site.engine).get_table_names() if t.startswith("acgs_")] == []
    assert without_times(dump(bare_site.engine)) == without_times(before)
    with plain_store(bare_site.url) as store:
        # A number once given is never given again.
        assert int(store.create_model_version("gap last", "/next").version) == 6
        assert int(store.create_model_version("all gone", "/next").version) == 6


def check_records(site: Site, left: dict[str, list[int]]) -> None:
    registry = open_registry(site.settings)
    recorded: dict[str, list[int]] = {}
    for name in [*left, "all gone", "deleted", "no versions", "old name", "prompt"]:
        versions = registry.versions.versions(name)
        recorded[name] = sorted(version.version for version in versions)
        for older, newer in pairwise(sorted(versions, key=lambda version: version.version)):
            assert older.created_ms <= newer.created_ms
            assert older.semver != newer.semver
        digests = [version.manifest_digest for version in versions]
        assert not any(digests) if name in UNREADABLE else all(digests), name
    assert {name: numbers for name, numbers in recorded.items() if numbers} == left
    registry.engine.dispose()


def govern(site: Site) -> None:
    """Do something governed under each odd name, so that MLflow's pages show the record."""
    from registry.plugin.store import GovernedStore

    store = GovernedStore(site.settings)
    for name in ODD_NAMES:
        store.transition_model_version_stage(name, 1, "Staging", False)
        shown = store.get_model_version(name, 1)
        assert shown.tags["acgs.version"] == "0.1.0"
        assert "**Governance** version" in (shown.description or "")
        store.transition_model_version_stage(name, 1, "None", False)
    store.registry.engine.dispose()
    store.engine.dispose()


def test_models_whose_store_is_away_do_not_keep_the_others_waiting(
    bare_site: Site, tmp_path: Path
) -> None:
    here = tmp_path / "files"
    here.mkdir()
    (here / "MLmodel").write_text("flavors: {}")
    with plain_store(bare_site.url) as store:
        places = {"a": "s3://bucket/a", "b": str(here), "c": "s3://bucket/c", "d": str(here)}
        fill(store.engine, [Version(name, 1, place) for name, place in places.items()])
    assert bare_site.acgs("prepare").returncode == 0
    nobody = {
        "MLFLOW_S3_ENDPOINT_URL": f"http://{LOOPBACK}:{free_port()}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    stands = bare_site.acgs("adoption", "run", **nobody)
    assert stands.returncode == 3, stands.stdout
    assert "infra.store_unreachable" in stands.stderr
    found = bare_site.status()
    assert (found["state"], found["recorded"], found["models_waiting"]) == ("waiting", 2, 2)
