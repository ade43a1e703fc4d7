"""Builds the HTTP app: MLflow's own, with the platform's routes and middleware in front."""

from __future__ import annotations

from typing import Any, NoReturn

from fastapi import FastAPI
from starlette.middleware import Middleware

from infra.component import components
from infra.errors import SettingsError, UsageError
from infra.identity.middleware import Identified
from infra.identity.principal import Source
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from infra.web import http
from infra.web.edge import Edge
from infra.web.protection import protection
from registry.bootstrap import open_registry
from registry.plugin import (
    artifact_errors,
    bare_answers,
    gateway_calls,
    governed,
    graphql_calls,
    locations,
    mlflow_errors,
    nesting,
    odd_bodies,
    page_tokens,
    searches,
    sessions,
    spans,
    store_arguments,
    text_guard,
    trace_tags,
    uncoded,
)
from registry.plugin.artifact_targets import is_streamed
from registry.plugin.assistant import NoAssistant
from registry.plugin.body_shapes import shape
from registry.plugin.caller_sources import sources
from registry.plugin.immutable import ImmutableArtifacts
from registry.plugin.scopes import WithinScope
from registry.plugin.users.composition import compose
from registry.plugin.waiting import WaitForVerdict
from registry.settings import RegistrySettings


def create_app(flask_app: Any = None) -> NoReturn:
    """Refuse to run as MLflow's app: the entry point of `mlflow server --app-name acgs`.

    MLflow would serve the app in its own processes, without the limits of connections, the
    private files and the secrets that the role has: governed, but open to slow clients.

    Args:
        flask_app: MLflow's Flask app, as MLflow hands it over.

    Raises:
        UsageError: always.
    """
    del flask_app
    raise UsageError(
        "expected the platform to start its own MLflow server, found mlflow server --app-name acgs",
        hint="start it with acgs up, or this server alone with acgs run registry",
    )


def build(settings: Settings) -> FastAPI:
    """Return MLflow's app, governed.

    Raises:
        SettingsError: MLflow's workspaces are on, which the governed store does not support.
    """
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES

    if MLFLOW_ENABLE_WORKSPACES.get():
        raise SettingsError(
            "expected MLflow's workspaces to be off, found MLFLOW_ENABLE_WORKSPACES=true",
            hint="unset MLFLOW_ENABLE_WORKSPACES",
        )
    governed.in_server = True
    from mlflow.server import app as flask_app
    from mlflow.server.fastapi_app import create_fastapi_app

    app: FastAPI = (
        compose(settings, flask_app)
        if Source.BASIC_AUTH in settings.of(IdentitySettings).sources
        else create_fastapi_app()
    )
    artifact_errors.install(app, flask_app, settings)
    text_guard.install(flask_app)
    mlflow_errors.install(flask_app)
    nesting.install(app, flask_app)
    gateway_calls.install()
    graphql_calls.install(flask_app)
    locations.install(settings)
    odd_bodies.install(flask_app)
    bare_answers.install(flask_app)
    page_tokens.install()
    searches.install()
    sessions.install()
    spans.install(app)
    store_arguments.install()
    trace_tags.install()
    uncoded.install()
    # MLflow mounts its Flask app last, at "/": a route after it is never reached.
    own = [route for component in components() for route in component.routes(settings)]
    app.router.routes[:0] = own
    for kind, handler in http.exception_handlers().items():
        app.add_exception_handler(kind, handler)
    registry = open_registry(settings)
    app.add_middleware(WaitForVerdict, registry=registry)
    app.add_middleware(ImmutableArtifacts, registry=registry)
    app.add_middleware(NoAssistant)
    edge = Edge.of(settings, settings.of(RegistrySettings).body_limit_bytes)
    known = sources(settings)
    doors = [Middleware(Identified, sources=known), Middleware(WithinScope, sources=known)]
    for each in reversed(protection(edge, is_streamed, shape, doors)):
        app.add_middleware(each.cls, *each.args, **each.kwargs)
    return app
