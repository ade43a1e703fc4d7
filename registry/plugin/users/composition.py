"""Builds MLflow's app with its basic-auth, configured from the platform's settings."""

from __future__ import annotations

import configparser
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from infra.secrets import secret_file
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import open_engine
from registry.plugin.users.settings import UsersSettings

if TYPE_CHECKING:
    import flask
    from fastapi import FastAPI

AUTHORIZE = "registry.plugin.users.authorization:authorize"
CONFIGURATION = "mlflow-auth.ini"
PASSWORD_FILE = "mlflow-admin.password"  # noqa: S105 - the name of a file
USERS_DATABASE = "users.db"


def compose(settings: Settings, flask_app: flask.Flask) -> FastAPI:
    """Return MLflow's app with its basic-auth; makes its database and its first administrator.

    Args:
        settings: of the platform.
        flask_app: MLflow's own, before any hook of the platform's: its checks come first.
    """
    _write_configuration(settings)
    from mlflow.server import auth

    from registry.plugin.users import guards

    guards.install(auth.store)
    engine = open_engine(settings.sqlalchemy_url)
    try:
        # Servers that start side by side would make the same tables.
        with migrations.alone(settings, engine):
            app: FastAPI = auth.create_app(flask_app)
    finally:
        engine.dispose()
    flask_app.before_request(guards.only_administrators_sign_up)
    return app


def database_url(settings: Settings) -> str:
    """Return where MLflow keeps its users: beside the platform's tables, or in a file of its own.

    SQLite has one writer at a time: a user's first call must not wait for a training job's.
    """
    if settings.sqlalchemy_url.startswith("sqlite"):
        return f"sqlite:///{settings.storage_root / USERS_DATABASE}"
    return settings.sqlalchemy_url


def _write_configuration(settings: Settings) -> None:
    """Write MLflow's configuration, which it reads when it is imported; 0600, for its passwords."""
    given = settings.of(UsersSettings)
    password = secret_file(settings, PASSWORD_FILE, lambda: secrets.token_urlsafe(24))
    parser = configparser.ConfigParser(interpolation=None)
    parser["mlflow"] = {
        key: value.replace("%", "%%")
        for key, value in {
            "default_permission": given.permission,
            "database_uri": database_url(settings),
            "admin_username": given.admin,
            "admin_password": password.strip(),
            "authorization_function": AUTHORIZE,
        }.items()
    }
    path = settings.folder("secrets") / CONFIGURATION
    draft = Path(f"{path}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        parser.write(file)
    draft.replace(path)
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(path)
