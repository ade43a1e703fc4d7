"""Keeps service tokens within their scope where a call's path says what it does.

The registry's calls say it in a body that MLflow reads in several ways: there the store asks, which
gets what MLflow has read (`permissions`). A call that nobody has sorted is `other`, which few
tokens cover.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from infra.errors import PlatformError
from infra.identity.current import current_principal
from infra.identity.middleware import refusal
from infra.identity.sources import Sources
from registry.access.domain.verbs import Verb
from registry.access.scopes import require_covered

_AREA = re.compile(r"^/(?:ajax-)?api/\d\.\d/mlflow/([a-z-]+)(/.*)?$")
_LOGGED = frozenset(
    {"runs", "experiments", "traces", "logged-models", "metrics", "upload-artifact", "datasets"}
)
_REGISTRY = frozenset({"registered-models", "model-versions"})
_READ_BY_POST = ("/search", "/get-latest-versions", "/batchGetTraces", "/search-datasets")
_FILES = re.compile(r"^/(?:ajax-)?api/\d\.\d/mlflow-artifacts/")
_OPERATIONS = "/acgs/api/v1/operations/"


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
