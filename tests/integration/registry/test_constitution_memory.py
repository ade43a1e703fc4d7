"""An installation's own constitution that goes missing is never replaced by the shipped one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from infra.settings import Settings
from registry.bootstrap import open_registry
from registry.governance.adapters import constitution_memory
from registry.governance.adapters.governance_file import ConstitutionError
from registry.plugin.store import GovernedStore
from tests.support.platform import write_constitution
from tests.support.stores import put_database


def forget() -> None:
    """As after five seconds, or in a process that starts now."""
    constitution_memory._looked.clear()


def lose(root: Path) -> None:
    """Lose the constitution and the file that says that there was one."""
    shutil.rmtree(root / "constitution")
    (root / "constitution.own").unlink()
    forget()


def acgs(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ACGS_", "MLOPS_"))}
    return subprocess.run(
        [sys.executable, "-m", "infra", *words],
        env={**inherited, "MLOPS_STORAGE_ROOT": str(root)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_constitution_lost_with_its_marker_stops_every_governed_change(tmp_path: Path) -> None:
    write_constitution(tmp_path)
    put_database(tmp_path)
    settings = Settings(storage_root=tmp_path)
    store = GovernedStore(settings)
    store.create_registered_model("credit")
    lose(tmp_path)
    with pytest.raises(MlflowException, match="the shipped one would govern instead"):
        store.create_model_version("credit", "/models/1")
    assert store.get_registered_model("credit").name == "credit"
    assert store.get_latest_versions("credit") == []
    with pytest.raises(ConstitutionError, match="accept-shipped"):
        open_registry(settings).governance.current()
    with pytest.raises(ConstitutionError, match="accept-shipped"):
        GovernedStore(settings)
    write_constitution(tmp_path)
    forget()
    assert store.create_model_version("credit", "/models/1").version == 1
    store.engine.dispose()
    store.registry.engine.dispose()


def test_the_shipped_one_comes_back_only_on_purpose(tmp_path: Path) -> None:
    write_constitution(tmp_path)
    put_database(tmp_path)
    settings = Settings(storage_root=tmp_path)
    registry = open_registry(settings)
    assert acgs(tmp_path, "prepare").returncode == 0
    own = registry.governance.current().constitution_digest
    refused = acgs(tmp_path, "constitution", "accept-shipped")
    assert refused.returncode == 2
    assert str(tmp_path / "constitution") in refused.stderr
    lose(tmp_path)
    would = acgs(tmp_path, "constitution", "accept-shipped", "--dry-run")
    assert f"in the place of {own}" in would.stdout
    with pytest.raises(ConstitutionError):
        registry.governance.current()
    accepted = acgs(tmp_path, "constitution", "accept-shipped")
    assert accepted.returncode == 0, accepted.stderr
    shipped = registry.governance.current().constitution_digest
    assert shipped != own
    changes = [e.data for e in registry.audit.events() if e.type == "constitution.changed"]
    assert changes == [{"digest": own, "own": True}, {"digest": shipped, "own": False}]
    registry.engine.dispose()
