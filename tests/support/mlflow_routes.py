"""Every route of MLflow's server, of both its halves."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

_HELD = re.compile(r"<(?:\w+:)?\w+>|\{\w+(?::path)?\}")


@cache
def routes() -> tuple[tuple[str, str], ...]:
    """Return method and path of each, with `1` for what a path holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of starlette's, which MLflow's import causes
        from mlflow.server import app as flask_app
        from mlflow.server.fastapi_app import create_fastapi_app

    found = {
        (method, str(rule))
        for rule in flask_app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    found |= set(_of(create_fastapi_app().routes))
    return tuple(
        sorted((method, _HELD.sub("1", path)) for method, path in found if method != "OPTIONS")
    )


def _of(held: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in held:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _of(included.routes, prefix + route.include_context.prefix)
        for method in getattr(route, "methods", None) or ():
            yield method, prefix + route.path
