"""A registry on SQLite and real repositories, both made in milliseconds."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from infra.settings import Settings
from infra.stores.db import transaction
from registry.adoption.backfill import Backfill
from registry.bootstrap import Registry
from registry.domain.records import Act, VersionRecord
from registry.domain.signature import Signature
from registry.domain.values import Stage
from registry.files.domain.inspected import Inspected
from registry.git.service import GitTags, Overview, Synced, overview
from registry.git.settings import GitSettings
from registry.stages.adapters import moves
from tests.integration.registry import shelf

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
NAME = "credit"
PERSON = {
    "GIT_AUTHOR_NAME": "Grace",
    "GIT_AUTHOR_EMAIL": "grace@example.org",
    "GIT_COMMITTER_NAME": "Grace",
    "GIT_COMMITTER_EMAIL": "grace@example.org",
}
SIGNATURE = Signature.from_json(
    {"inputs": [{"name": "a", "type": "double", "required": True}], "outputs": [], "params": []}
)


def git(folder: Path, *arguments: str, check: bool = True, **environment: str) -> str:
    """Run git as a person would; return what it wrote."""
    outcome = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **PERSON, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and outcome.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {outcome.stderr}")
    return outcome.stdout.strip()


def bare(folder: Path) -> Path:
    """Make an empty bare repository."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--bare", ".")
    return folder


def clone_with_code(folder: Path, commits: int = 1) -> Path:
    """Make a repository with a work tree and some commits of code."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main", ".")
    for number in range(commits):
        commit(folder, f"train {number}")
    return folder


def commit(folder: Path, message: str) -> str:
    (folder / "train.py").write_text(f"# {message}\n")
    git(folder, "add", "train.py")
    git(folder, "commit", "--quiet", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def tags(folder: Path) -> list[str]:
    return git(folder, "tag", "--list").splitlines()


@dataclass
class Desk:
    """A registry whose versions appear and move as often as wanted, and its git tags."""

    root: Path
    repository: Path
    more: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = START
    url: str | None = None
    registry: Registry = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        opened = shelf.opened(self.root, self.url)
        self.registry = opened.store.registry
        self.engine = self.registry.engine

    @property
    def settings(self) -> Settings:
        chosen = GitSettings(repository=self.repository, **self.more)
        return Settings(storage_root=self.root, database_url=self.url or "").having(chosen)

    @property
    def tags(self) -> GitTags:
        return GitTags(self.engine, self.settings)

    def later(self, seconds: float = 1.0) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    def register(
        self, name: str = NAME, *, code: str | None = None, actor: str = "ada@cli"
    ) -> VersionRecord:
        """Register a version through the use case, on rows as MLflow writes them."""
        with transaction(self.engine) as connection:
            self._insert(connection, name, Stage.NONE)
            inspected = Inspected(None, SIGNATURE)
            record = self.registry.registration.record_version(connection, name, inspected, actor)
            if code is not None:
                connection.execute(
                    text("UPDATE acgs_version SET git_commit = :code WHERE uid = :uid"),
                    {"code": code, "uid": record.uid},
                )
        return record

    def _insert(self, connection: Connection, name: str, stage: Stage) -> None:
        self.later()
        row = {"name": name, "at": self.now_ms, "stage": stage.value}
        connection.execute(
            text(
                "INSERT INTO registered_models (workspace, name, creation_time) "
                "SELECT 'default', :name, :at WHERE NOT EXISTS "
                "(SELECT 1 FROM registered_models WHERE name = :name)"
            ),
            row,
        )
        connection.execute(
            text(
                "INSERT INTO model_versions "
                "(workspace, name, version, creation_time, current_stage, source, status) "
                "SELECT 'default', :name, 1 + COALESCE(MAX(version), 0), :at, :stage, "
                "'models', 'READY' FROM model_versions WHERE name = :name"
            ),
            row,
        )

    def left_by_plain_mlflow(self, *stages: Stage, name: str = NAME) -> None:
        """Leave versions as plain MLflow does, without a record of the platform."""
        with transaction(self.engine) as connection:
            for stage in stages:
                self._insert(connection, name, stage)

    def back_fill(self) -> int:
        return Backfill(self.registry).work(threading.Event())

    def move(self, record: VersionRecord, target: Stage, actor: str = "ada@cli") -> None:
        """Move a version as a grant does, with its event."""
        self.later()
        stage = self.registry.stages.position(record.uid).stage
        assert stage is not None
        with transaction(self.engine) as connection:
            moves.move_stage(
                connection, record.name, record.version, stage, target, Act(actor, self.now_ms)
            )

    def delete(self, record: VersionRecord) -> None:
        self.later()
        with transaction(self.engine) as connection:
            self.registry.blockers.mark_deleted(connection, record, "ada@cli", self.now_ms)
            connection.execute(
                text(
                    "UPDATE model_versions SET current_stage = 'Deleted_Internal' "
                    "WHERE name = :name AND version = :version"
                ),
                {"name": record.name, "version": record.version},
            )

    def standing(self, verb: str, record: VersionRecord) -> None:
        """Deprecate, yank or restore a version."""
        change = getattr(self.registry.standings, verb)
        change(record.uid, "ada@cli", "a reason", self.later())

    @property
    def status(self) -> Overview:
        return overview(self.engine, self.settings, self.now)

    def rename(self, name: str, new_name: str) -> None:
        self.later()
        with transaction(self.engine) as connection:
            for table in ("registered_models", "model_versions"):
                connection.execute(
                    text(f"UPDATE {table} SET name = :new WHERE name = :old"),
                    {"new": new_name, "old": name},
                )
            self.registry.whole_models.mark_renamed(
                connection, name, new_name, "ada@cli", self.now_ms
            )

    def follow_and_write(self) -> None:
        """Make the tags, and push none."""
        self.tags.follow(self.later())
        self.tags.write(self.now)

    def sync(self, *, repair: bool = False) -> Synced:
        return self.tags.sync(self.later(), repair=repair)
