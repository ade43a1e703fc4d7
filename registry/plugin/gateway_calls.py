"""Refuses calls to MLflow's AI gateway whose endpoint name is not text.

MLflow looks the name up unchecked, and a number that no database holds is a page with status 500.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi import HTTPException
from mlflow.server import gateway_api


def install() -> None:
    """Install the check around MLflow's reader of the name, once in a process."""
    reader = gateway_api._extract_endpoint_name_from_model
    if not hasattr(reader, "__wrapped__"):
        gateway_api._extract_endpoint_name_from_model = _checked(reader)


def _checked(read: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], str]:
    @wraps(read)
    def call(body: dict[str, Any]) -> str:
        name = read(body)
        if not isinstance(name, str):
            raise HTTPException(400, f"expected a model's name as text, found {str(name)[:40]}")
        return name

    return call
