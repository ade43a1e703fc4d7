"""Says who this process is to the platform's own server, from MLflow's environment variables."""

from __future__ import annotations

import base64
import os


def authorization(name: str | None = None) -> str | None:
    """Return a value for the header `Authorization`, as MLflow's client would send it.

    Args:
        name: to claim where the environment has no credential; None claims none.
    """
    user = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if user and password:
        return _basic(user, password)
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN", ""):
        return f"Bearer {token}"
    return _basic(user or name or "", password) if user or name else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
