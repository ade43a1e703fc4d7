"""The people of the demo. Its platform is open, so their names are claims, as it says itself."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Generator

AUTHOR = "ada"
APPROVERS = ("ben", "cleo")
AUDITOR = "dora"


@contextlib.contextmanager
def acting(person: str) -> Generator[None]:
    """Let MLflow's client and the commands of the block act in a person's name."""
    chosen = {
        "LOGNAME": person,
        "MLFLOW_TRACKING_USERNAME": person,
        # MLflow's client names nobody without one, and an open server reads none.
        "MLFLOW_TRACKING_PASSWORD": secrets.token_urlsafe(),
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
