"""Chooses the default tracking store, so that no run ever writes into the clone.

`MLFLOW_TRACKING_URI` wins. Without it: the running platform of the storage root; and when none
runs, an ungoverned MLflow store of its own under `<storage root>/offline`. That one is kept apart
from the platform's database because its artifacts lie in plain local folders, which clients of
the server could not read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from infra.processes import running
from registry.settings import tracking_url

if TYPE_CHECKING:
    from pathlib import Path

    from infra.settings import Settings

_URI_VARIABLE = "MLFLOW_TRACKING_URI"
# Private to MLflow, yet the one way to keep a local store from making `./mlruns`.
_LOCAL_ARTIFACTS_VARIABLE = "_MLFLOW_SERVER_ARTIFACT_ROOT"


def use_default(settings: Settings | None = None) -> str:
    """Point this process and its children at the tracking store; return its URI.

    Idempotent. Touches nothing when `MLFLOW_TRACKING_URI` is set already.
    """
    given = os.environ.get(_URI_VARIABLE)
    if given:
        return given
    root = settings.storage_root if settings else _storage_root()
    if settings is None:
        running.adopt_flags(root)
    uri = _running_platform(root, settings) or _offline_store(root)
    os.environ[_URI_VARIABLE] = uri
    return uri


def is_server(uri: str) -> bool:
    """Whether runs go to a server, whose registry governs."""
    return uri.startswith(("http://", "https://"))


def _storage_root() -> Path:
    from infra.configuration import load_settings

    return load_settings().storage_root


def _running_platform(root: Path, settings: Settings | None) -> str | None:
    if running.live_supervisor(root) is None:
        return None
    states = {role.name: role.state for role in running.read_roles(root)}
    if states.get("registry") != "ready":
        return None
    if settings is None:
        from infra.configuration import load_settings

        settings = load_settings()
    return tracking_url(settings)


def _offline_store(root: Path) -> str:
    folder = root / "offline"
    (folder / "artifacts").mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[_LOCAL_ARTIFACTS_VARIABLE] = str(folder / "artifacts")
    return f"sqlite:///{folder / 'mlflow.db'}"
