"""The same demo on PostgreSQL and S3. A file of its own, so that another worker may play it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.servers.postgres import Postgres
from infra.servers.s3 import S3
from pipelines.demo.command import demo
from tests.e2e.test_demo import plays_to_the_right_end


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_the_demo_plays_the_same_story_on_postgresql_and_s3(
    tmp_path: Path, postgres: Postgres, s3: S3
) -> None:
    # The fixtures only make sure that both servers can be had here: the demo starts its own.
    told = plays_to_the_right_end(tmp_path / "root", "--stores", "postgres,s3")
    assert f"database: {postgres.version}" in told
    assert f"artifacts: {s3.version}" in told
    assert not (tmp_path / "root" / "registry.db").exists()
    assert not (tmp_path / "root" / "artifacts").exists()


@pytest.mark.parametrize("name", ["ACGS_DATABASE_URL", "ACGS_ARTIFACT_ROOT"])
def test_stores_chosen_twice_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv(name, "sqlite:////somewhere/x.db")
    with pytest.raises(Exception, match=f"expected no {name} beside --stores"):
        CliRunner().invoke(demo, ["--stores", "postgres,s3"], catch_exceptions=False)


def test_an_old_root_is_not_played_on_with_new_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    (tmp_path / "registry.db").touch()
    with pytest.raises(Exception, match="expected a fresh one"):
        CliRunner().invoke(demo, ["--stores", "postgres,s3"], catch_exceptions=False)
