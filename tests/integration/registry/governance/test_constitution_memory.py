"""An installation's own constitution that goes missing is never replaced by the shipped one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from infra.clock import utc_now
from infra.settings import Settings
from registry.bootstrap import Registry, open_registry
from registry.domain.canonical import digest
from registry.domain.records import Ask, VersionRecord
from registry.domain.values import RequestKind, RequestState, Stage
from registry.files.service import Files
from registry.governance.adapters import constitution_memory
from registry.governance.adapters.governance_file import ConstitutionError
from registry.plugin.store import GovernedStore
from tests.integration.registry.shelf import NAME, opened
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
    assert "would put sha256:" in would.stdout
    with pytest.raises(ConstitutionError):
        registry.governance.current()
    accepted = acgs(tmp_path, "constitution", "accept-shipped")
    assert accepted.returncode == 0, accepted.stderr
    shipped = registry.governance.current().constitution_digest
    assert shipped != own
    noted = [(change["digest"], change["own"]) for change in changes(registry)]
    assert noted == [(own, True), (shipped, False)]
    assert [digest(change["document"]) for change in changes(registry)] == [own, shipped]
    registry.engine.dispose()


def changes(registry: Registry) -> list[dict[str, Any]]:
    return [dict(e.data) for e in registry.audit.events() if e.type == "constitution.changed"]


def test_what_is_governed_is_read_without_a_write(tmp_path: Path) -> None:
    registry = opened(tmp_path).store.registry
    noted = changes(registry)
    assert [change["own"] for change in noted] == [True]
    before = registry.audit.events()
    write_constitution(tmp_path, approvals=1)
    forget()
    assert registry.governance.current().constitution_digest != noted[0]["digest"]
    assert registry.audit.events() == before
    registry.governance.note_in_force()
    registry.governance.note_in_force()
    assert [change["digest"] for change in changes(registry)] == [
        noted[0]["digest"],
        registry.governance.current().constitution_digest,
    ]


def test_a_grant_notes_the_constitution_it_rests_on_before_it(tmp_path: Path) -> None:
    shelf = opened(tmp_path)
    record = shelf.register()
    write_constitution(tmp_path, approvals=1)
    forget()
    shelf.store.transition_model_version_stage(NAME, record.version, "Staging", False)
    happened = [e.type for e in shelf.store.registry.audit.events()]
    granted = happened.index("transition_request.granted")
    assert happened[granted - 1] == "constitution.changed"
    current = shelf.store.registry.governance.current()
    assert changes(shelf.store.registry)[-1] == {
        "digest": current.constitution_digest,
        "own": True,
        "document": current.document,
    }


def test_a_grant_is_refused_whole_once_the_constitution_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes missing after the decision was foreseen, and before it is carried out."""
    shelf = opened(tmp_path)
    registry = shelf.store.registry
    record = shelf.register()
    hashed = Files.current_manifest_digest

    def lost_meanwhile(files: Files, version: VersionRecord) -> str | None:
        lose(tmp_path)
        return hashed(files, version)

    monkeypatch.setattr(Files, "current_manifest_digest", lost_meanwhile)
    with pytest.raises(ConstitutionError, match="accept-shipped"):
        registry.gate.open_request(
            Ask(RequestKind.TRANSITION, record, NAME, Stage.STAGING, "ann"), utc_now()
        )
    assert registry.stages.stage_of(record) is Stage.NONE
    assert [r.state for r in registry.gate.requests()] == [RequestState.OPEN]
