"""Tells MLflow's basic-auth which of its users the caller is.

MLflow names this function in its configuration. A caller of another source becomes a user of
MLflow's at the first call, with a password that nobody knows and the permissions of everybody.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import flask
from mlflow.exceptions import MlflowException
from werkzeug.datastructures import Authorization

from infra.identity.current import current_principal
from infra.identity.errors import CredentialMissingError, NameUnusableError
from infra.identity.middleware import refusal
from infra.identity.names import SERVICE
from infra.identity.principal import Kind, Principal, Source, name_key
from infra.identity.sources import Sources
from registry.plugin.users.guards import user_of_key


def authorize() -> Authorization | flask.Response:
    """Return the caller as MLflow's user, or the answer that turns them away."""
    principal = current_principal()
    try:
        if principal is None:
            raise CredentialMissingError("expected a caller who is known, found none")
        return Authorization("basic", {"username": user_of(principal), "password": ""})
    except (CredentialMissingError, NameUnusableError) as err:
        answer = refusal(err, flask.request.path, Sources([]))
        return flask.Response(
            json.dumps(json.loads(bytes(answer.body))), answer.status_code, mimetype=_JSON
        )


_JSON = "application/json"


def user_of(principal: Principal) -> str:
    """Return the name of a principal's user in MLflow, made if it has none.

    Raises:
        NameUnusableError: it came by another way than the first administrator's password, and has
            that name.
    """
    from mlflow.server import auth

    if principal.source is Source.BASIC_AUTH:
        return principal.name
    name = principal.name if principal.kind is Kind.PERSON else SERVICE + principal.name
    if name_key(name) == name_key(auth.auth_config.admin_username or ""):
        raise NameUnusableError(
            f"expected another name than MLflow's first administrator's, found {name!r} by "
            f"{principal.source}",
            hint="log in with the password in secrets/mlflow-admin.password, or set "
            "ACGS_MLFLOW_ADMIN to a name that nobody has",
        )
    if auth.store.has_user(name):
        return name
    return user_of_key(auth.store, name_key(name)) or _made(auth.store, name)


def _made(store: Any, name: str) -> str:
    try:
        # Past the guard of names, which are for people to choose: this one is proven.
        store.create_user.__wrapped__(name, secrets.token_urlsafe(32))
    except MlflowException:
        # Another thread made it meanwhile; if not, this fails as well.
        return str(store.get_user(name).username)
    return name
