"""`acgs git`, its health and its metrics, and the role as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra.component import Health
from infra.configuration import load_settings
from infra.console import cli
from infra.settings import Settings
from registry.domain.values import Stage
from registry.git.health import GitCollector, probes
from registry.git.role import git_role
from registry.git.settings import GitSettings
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk

READY_SECONDS = 1.5


class Typed:
    """A command line on a desk's root."""

    def __init__(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        self.desk = desk
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        status = cli.invoke(["--storage-root", str(self.desk.root), "git", *arguments])
        out, err = self.capsys.readouterr()
        return status, out, err

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json")[1])


@pytest.fixture
def git(desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setenv("ACGS_GIT_REPOSITORY", str(desk.repository))
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    return Typed(desk, capsys)


def test_sync_says_what_it_did_and_a_dry_run_what_it_would(git: Typed) -> None:
    git.desk.move(git.desk.register(), Stage.STAGING)
    status, out, _ = git("sync", "--dry-run")
    assert (status, kit.tags(git.desk.repository)) == (0, [])
    assert out.startswith("would follow 2 events")
    status, out, _ = git("sync")
    assert (status, out) == (0, "followed 2 events, made 2 tags, pushed 0\n")
    assert git.json("sync")["made"] == 0


def test_show_and_log_read_the_repository(git: Typed) -> None:
    record = git.desk.register("credit v2")
    git.desk.move(record, Stage.STAGING)
    git.desk.move(record, Stage.PRODUCTION)
    git.desk.delete(git.desk.register("credit v2"))
    git("sync")
    (row,) = git.json("show")
    assert (row["name"], row["version"], row["stages"]) == ("credit v2", "1.0.0", ["prod"])
    assert git.json("show", "credit v2") == [row]
    assert git.json("show", "other") == []
    log = git.json("log")
    assert [each["action"] for each in log[::-1]][:2] == ["register", "assign"]
    assert log[0]["tag"] == "credit_x20v2@v1.0.1!"
    assert len(git.json("log", "--limit", "2")) == 2
    assert "prod" in git("show")[1]
    assert "Register credit v2 1.0.0" in git("log")[1]


def test_sync_exits_1_for_a_moved_tag_and_3_for_a_repository_that_fails(git: Typed) -> None:
    git.desk.register()
    git("sync")
    kit.git(git.desk.repository, "tag", "-d", "credit@v1.0.0")
    status, out, err = git("sync")
    assert status == 1
    assert "tag_deleted (local) credit@v1.0.0" in out
    assert "git.tampered" in err
    assert git("sync", "--repair")[0] == 0
    git.desk.repository.rename(git.desk.repository.with_name("away"))
    git.desk.register()
    status, _, err = git("sync")
    assert status == 3
    assert "git.repository_gone" in err
    status, out, _ = git("status")
    assert status == 0
    assert "to write        1" in out
    assert "found nothing" in out


def test_version_check_tells_of_a_moved_tag(
    git: Typed, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("credit", "credit", "credit-other"):
        git.desk.register(name)
    git("sync")
    other = kit.git(git.desk.repository, "rev-parse", "credit@v1.0.1")
    kit.git(git.desk.repository, "update-ref", "refs/tags/credit@v1.0.0", other)
    clone = kit.clone_with_code(tmp_path / "person")
    kit.git(clone, "tag", "-a", "credit@v9.0.0", "-m", "by hand")
    kit.git(clone, "push", "--quiet", "--tags", str(git.desk.repository))

    def told(name: str) -> list[tuple[str, int | None]]:
        with contextlib.suppress(SystemExit):
            cli.invoke(["--storage-root", str(git.desk.root), "version", "check", name, "--json"])
        found = json.loads(capsys.readouterr().out)
        return [(f["rule"], f["version"]) for f in found if f["rule"].startswith("git.")]

    assert told("credit") == [("git.tag_moved", 1), ("git.tag_unknown", None)]
    assert told("credit-other") == []


def test_init_makes_a_repository_and_remembers_it(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
    git = Typed(desk, capsys)
    status, _, err = git("sync")
    assert status == 2
    assert "acgs git init" in err
    assert "not configured" in git("status")[1]
    place = tmp_path / "a folder" / "models.git"
    assert git("init", str(place), "--dry-run")[0] == 0
    assert not place.exists()
    (desk.root / "acgs.env").write_text("ACGS_LOG_LEVEL=DEBUG\n")
    assert git("init", str(place), "--remote", "https://example.org/models.git")[0] == 0
    settings = load_settings(storage_root=desk.root)
    assert (settings.of(GitSettings).repository, settings.log_level) == (place, "DEBUG")
    assert settings.of(GitSettings).remote == "https://example.org/models.git"
    assert not (place / "hooks").exists()
    status, out, _ = git("init", str(place))
    assert out.startswith("using")
    busy = tmp_path / "busy"
    busy.mkdir()
    (busy / "file").touch()
    assert git("init", str(busy), "--dry-run")[0] == 2
    assert git("init", str(busy))[0] == 2


def test_health_is_ok_without_a_repository_and_fails_for_what_somebody_must_see(desk: Desk) -> None:
    (probe,) = probes(Settings(storage_root=desk.root))
    assert (probe.health, probe.detail[:14]) == (Health.OK, "not configured")
    assert not list(GitCollector(desk.engine, Settings(storage_root=desk.root)).collect())
    desk.register()
    desk.sync()
    (probe,) = probes(desk.settings)
    assert (probe.health, probe.detail) == (Health.OK, "1 tags, 0 wait")
    kit.git(desk.repository, "tag", "-d", "credit@v1.0.0")
    desk.sync()
    (probe,) = probes(desk.settings)
    assert probe.health is Health.FAILED
    assert "tag_deleted (local): credit@v1.0.0" in probe.detail


def test_metrics_count_what_waits_and_what_was_found(desk: Desk) -> None:
    desk.register()
    collector = GitCollector(desk.engine, desk.settings, lambda: desk.later(7))

    def values() -> dict[tuple[str, str], float]:
        families = collector.collect()
        return {
            (s.name, next(iter(s.labels.values()), "")): s.value
            for f in families
            for s in f.samples
        }

    now = values()
    assert now["acgs_git_queue", "event"] == 1
    assert now["acgs_git_oldest_pending_seconds", ""] == 7
    desk.sync()
    kit.git(desk.repository, "tag", "-d", "credit@v1.0.0")
    desk.sync()
    now = values()
    assert now["acgs_git_tags", ""] == 1
    assert now["acgs_git_oldest_pending_seconds", ""] == 0
    assert now["acgs_git_findings", "tag_deleted"] == 1


@pytest.mark.parametrize("configured", [True, False])
def test_the_role_is_light_ready_at_once_and_ends_when_told(desk: Desk, configured: bool) -> None:
    environment = {**os.environ, "MLOPS_STORAGE_ROOT": str(desk.root), "ACGS_LOG_LEVEL": "INFO"}
    if configured:
        environment["ACGS_GIT_REPOSITORY"] = str(desk.repository)
        desk.register()
    code = (
        "import sys; from infra.console.cli import invoke; status = invoke(['run', 'git']);"
        "sys.exit(9 if 'mlflow' in sys.modules else status)"
    )
    began = time.process_time(), time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        while git_role().ready(desk.settings).health is not Health.OK:
            assert time.monotonic() - began[1] < 20, process.poll()
            time.sleep(0.02)
        deadline = time.monotonic() + 20
        while configured and not kit.tags(desk.repository) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert kit.tags(desk.repository) == (["credit@v1.0.0"] if configured else [])
