from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from mlflow.store.artifact import local_artifact_repo

from registry.plugin import private_artifacts


def test_an_upload_never_opens_what_other_threads_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    umask = os.umask

    def spy(mask: int) -> int:
        asked.append(mask)
        return umask(mask)

    def upload(name: str) -> int:
        repo: Any = local_artifact_repo.LocalArtifactRepository(str(tmp_path))
        repo.log_artifact_from_stream(io.BytesIO(b"x"), name)
        return stat.S_IMODE((tmp_path / name).stat().st_mode)

    monkeypatch.setattr(os, "umask", spy)
    monkeypatch.setattr(
        local_artifact_repo, "_set_default_file_mode", local_artifact_repo._set_default_file_mode
    )
    upload("as-mlflow-does")
    assert 0 in asked  # else MLflow does it no more, and this module can go
    asked.clear()
    private_artifacts.install()
    assert upload("as-here") == 0o600
    assert asked == []
