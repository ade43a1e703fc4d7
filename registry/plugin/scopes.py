"""Keeps service tokens within their scope, at two places.

What a call is about stands in its path for most of MLflow's server, and in a body that MLflow reads
in several ways for the registry: there the store is asked, which gets what MLflow has read. A call
that nobody has sorted is `other`, which few tokens cover.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

from mlflow.store.model_registry.abstract_store import AbstractStore
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.errors import PlatformError
from infra.identity.current import current_principal
from infra.identity.middleware import refusal
from infra.identity.principal import Principal
from infra.identity.sources import Sources
from registry.access.domain.verbs import Verb
from registry.access.scopes import require_covered
from registry.domain.values import GOVERNED_ALIASES, GOVERNED_STAGES, Stage
from registry.plugin.mlflow_errors import translated

_AREA = re.compile(r"^/(?:ajax-)?api/\d\.\d/mlflow/([a-z-]+)(/.*)?$")
_LOGGED = frozenset(
    {"runs", "experiments", "traces", "logged-models", "metrics", "upload-artifact", "datasets"}
)
_REGISTRY = frozenset({"registered-models", "model-versions"})
_READ_BY_POST = ("/search", "/get-latest-versions", "/batchGetTraces", "/search-datasets")
_FILES = re.compile(r"^/(?:ajax-)?api/\d\.\d/mlflow-artifacts/")
_OPERATIONS = "/acgs/api/v1/operations/"
_READING = ("get_", "search_", "list_", "supports_")

_Store = TypeVar("_Store", bound=type)


class WithinScope:
    """ASGI middleware that refuses what a token's verbs do not cover."""

    def __init__(self, app: ASGIApp, sources: Sources) -> None:
        self.app = app
        self.sources = sources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless its caller has a scope that does not cover it."""
        principal = current_principal()
        if scope["type"] == "http" and principal is not None and principal.scope is not None:
            method, path = str(scope["method"]), str(scope["path"])
            verb = verb_of(method, path)
            try:
                if verb is not None:
                    require_covered(principal, verb)
            except PlatformError as err:
                await refusal(err, path, self.sources)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def verb_of(method: str, path: str) -> Verb | None:
    """Return what a call does; None where the store or the operation asks for itself."""
    if method in {"GET", "HEAD"}:
        return Verb.READ
    if _FILES.match(path) or path == "/v1/traces":
        return Verb.LOG
    if path.startswith(_OPERATIONS):
        return None
    area = _AREA.match(path)
    if area is None:
        return Verb.OTHER
    if method == "POST" and path.endswith(_READ_BY_POST):
        return Verb.READ
    if area[1] in _REGISTRY:
        return None
    return Verb.LOG if area[1] in _LOGGED else Verb.OTHER


def within_scope(store: _Store) -> _Store:
    """Let a store's changes ask whether the caller's token covers them."""
    for name in dir(AbstractStore):
        if not name.startswith(("_", *_READING)):
            setattr(store, name, _checked(name, getattr(store, name)))
    return store


def _checked(called: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        principal = current_principal()
        if principal is not None and principal.scope is not None:
            translated(_judge)(called, principal, args, kwargs)
        return method(self, *args, **kwargs)

    return call


def _judge(
    called: str, principal: Principal, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    given = dict(zip(_PARAMETERS.get(called, ("name",)), args, strict=False)) | kwargs
    name, verb = str(given.get("name", "")), _verb(called)
    stage: str | None = None
    if called == "transition_model_version_stage":
        found = Stage.parse(str(given.get("stage", "")))
        stage = found.value if found else str(given.get("stage", ""))
        verb = Verb.RETIRE if found and found not in GOVERNED_STAGES else Verb.ASK
    elif called.endswith("registered_model_alias"):
        governed = GOVERNED_ALIASES.get(str(given.get("alias", "")).lower())
        if governed:
            verb = Verb.ASK if called.startswith("set_") else Verb.RETIRE
            stage = governed.value
    require_covered(principal, verb, name if verb.has_name else None, stage)
    if called == "rename_registered_model":
        require_covered(principal, Verb.REGISTER, str(given.get("new_name", "")))


_PARAMETERS = {
    "transition_model_version_stage": ("name", "version", "stage"),
    "set_registered_model_alias": ("name", "alias", "version"),
    "delete_registered_model_alias": ("name", "alias"),
    "rename_registered_model": ("name", "new_name"),
}


def _verb(called: str) -> Verb:
    if "webhook" in called:
        return Verb.MANAGE_WEBHOOKS
    if called.endswith(("_tag", "_alias")) or called.startswith("update_"):
        return Verb.DESCRIBE
    if called.startswith(("create_", "copy_")):
        return Verb.REGISTER
    if called.startswith(("delete_", "rename_")):
        return Verb.RETIRE
    return Verb.OTHER
