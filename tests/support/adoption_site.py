"""A platform's storage root on a database that plain MLflow made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine

from compliance.constitution import constitution_file
from infra.settings import Settings
from tests.support.platform import SHIPPED

SECONDS = 60.0


@dataclass(frozen=True)
class Site:
    """A storage root on a database that plain MLflow filled."""

    root: Path
    url: str
    engine: Engine

    @property
    def settings(self) -> Settings:
        return Settings(storage_root=self.root, database_url=self.url)

    @property
    def environment(self) -> Mapping[str, str]:
        inherited = {
            k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLFLOW_", "MLOPS_"))
        }
        return inherited | {"MLOPS_STORAGE_ROOT": str(self.root), "ACGS_DATABASE_URL": self.url}

    def acgs(self, *words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra", *words],
            env={**self.environment, **more}, input=given, capture_output=True, text=True,
            timeout=SECONDS, check=False,
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        done = self.acgs("adoption", "status", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def role(self) -> subprocess.Popen[bytes]:
        with (self.root / "adoption.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-X", "importtime", "-m", "infra", "run", "adoption"],
                env=dict(self.environment), stdout=log, stderr=log,
            )  # fmt: skip


def observing(root: Path) -> None:
    """Write a constitution that governs every model and refuses nothing."""
    document = yaml.safe_load(SHIPPED.read_text())
    document["applies_to"] = [{"pattern": "*", "enforcement": "observe"}]
    target = root / "constitution" / "constitution.yaml"
    target.parent.mkdir(parents=True)
    target.write_text(yaml.safe_dump(document))
    constitution_file.write_lock(target)


def without_times(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[list[Any]]]:
    """Leave out when a row was last written, which the touched version's rows tell."""
    return {
        table: sorted(
            ([v for v in row if not (isinstance(v, int) and v > 10**12)] for row in rows), key=str
        )
        for table, rows in found.items()
    }
