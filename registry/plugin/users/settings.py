"""The settings of MLflow's basic-auth."""

from __future__ import annotations

from dataclasses import dataclass

from infra.identity.names import check_proven
from infra.setting import OneOf, Text, setting


def _name(text: str) -> None:
    try:
        check_proven(text)
    except Exception as err:
        raise ValueError(text) from err


@dataclass(frozen=True)
class UsersSettings:
    """MLflow's first user, and what a user may do where nobody has said it."""

    admin: str = setting(
        "ACGS_MLFLOW_ADMIN",
        "admin",
        "Name of MLflow's first administrator, whose password is made in "
        "secrets/mlflow-admin.password; who comes by another source may not have it.",
        Text("a name", _name),
    )
    permission: str = setting(
        "ACGS_MLFLOW_PERMISSION",
        "READ",
        "MLflow's permission of a user on what nobody granted: READ, USE, EDIT, MANAGE or "
        "NO_PERMISSIONS.",
        OneOf(("READ", "USE", "EDIT", "MANAGE", "NO_PERMISSIONS"), str.upper),
    )
