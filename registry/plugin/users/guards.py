"""Refuses what MLflow's users could do to each other's names."""

from __future__ import annotations

from functools import wraps
from typing import Any

import flask
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_ALREADY_EXISTS
from mlflow.server.auth.routes import CREATE_USER_UI

from infra.identity.errors import NameUnusableError
from infra.identity.names import check_proven
from infra.identity.principal import name_key

"""Begins the name of a service's user, so that no service is a person's."""


def install(store: Any) -> None:
    """Let MLflow's store of users take no name that passes for another user's."""
    if hasattr(store.create_user, "__wrapped__"):
        return
    create = store.create_user

    @wraps(create)
    def create_user(username: str, password: str, is_admin: bool = False) -> Any:
        try:
            check_proven(username if isinstance(username, str) else "")
        except NameUnusableError as err:
            raise MlflowException(str(err), INVALID_PARAMETER_VALUE) from err
        twin = user_of_key(store, name_key(username))
        if twin is not None:
            raise MlflowException(
                f"expected a name that is no other user's, found that {username!r} is read as "
                f"{twin!r}\n  what to do: choose another name",
                RESOURCE_ALREADY_EXISTS,
            )
        return create(username, password, is_admin)

    store.create_user = create_user


def user_of_key(store: Any, key: str) -> str | None:
    """Return the user whose name has a key; None if there is none."""
    return next((u.username for u in store.list_users() if name_key(u.username) == key), None)


def only_administrators_sign_up() -> flask.Response | None:
    """Refuse the sign-up form's answer to all but administrators.

    MLflow asks so for the form itself, and for the route that clients call, but not for this one.
    """
    from mlflow.server import auth

    if flask.request.path == CREATE_USER_UI and not auth.sender_is_admin():
        refused: flask.Response = auth.make_forbidden_response()
        return refused
    return None
