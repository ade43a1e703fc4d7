"""Reading a place that only a tracking server knows makes no database in the working folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

READS = """
import sys
from infra.settings import Settings
from registry.errors import ArtifactError
from registry.files.adapters import artifact_files

for uri in sys.argv[1:]:
    try:
        artifact_files.fetch(Settings(), uri)
    except ArtifactError as err:
        print(err.message)
"""
PLACES = ("dbfs:/x", "DBFS:/x", "models:/m-0123", "models:/m/1", "runs:/abc/model")


def test_what_a_tracking_server_alone_knows_is_not_asked_of_a_new_one(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-c", READS, *PLACES], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.count("found none in MLFLOW_TRACKING_URI") == len(PLACES)
    assert [item.name for item in tmp_path.iterdir()] == [".acgs"]
