"""Makes uploaded files readable to the platform's user only.

MLflow finds out the umask by setting it to 0 for a moment, for all threads: what another upload or
SQLite makes in that moment would be open to everybody.
"""

from __future__ import annotations

import os

from mlflow.store.artifact import local_artifact_repo


def install() -> None:
    """Make MLflow's local artifact store give its files that one mode."""
    local_artifact_repo._set_default_file_mode = _make_private


def _make_private(file_path: str) -> None:
    os.chmod(file_path, 0o600)
