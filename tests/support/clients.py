"""Environments of older MLflow clients, made once from their locks and kept outside every clone."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

import pytest

from infra import origin
from infra.environments import Environment, EnvironmentNotMadeError
from infra.servers.errors import ServerMissingError
from tests.support.runtime import serving_interpreter


class Client(StrEnum):
    """A release of MLflow whose client is tried."""

    MLFLOW_2_22 = "2.22"
    MLFLOW_3_1 = "3.1"
    MLFLOW_3_17 = "3.17"


def interpreter(client: Client) -> Path:
    """Return the Python of an environment that has a client and nothing of the platform.

    What cannot be installed fails the test in CI and skips it elsewhere.
    """
    if client is Client.MLFLOW_3_17:
        return serving_interpreter()
    try:
        return Environment(f"MLflow {client}", origin.lock(f"client-{client}.txt")).make()
    except (EnvironmentNotMadeError, ServerMissingError) as err:
        if os.environ.get("CI"):
            pytest.fail(str(err))
        pytest.skip(str(err))
