"""Builds the middleware that every server of the platform has in front of its app."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.middleware import Middleware
from starlette.types import Scope

from infra.web.bodies import BodyLimit, Exempt, Shape
from infra.web.edge import Edge
from infra.web.forwarded import Forwarded
from infra.web.json_shape import check_shape
from infra.web.names import AllowedNames


def protection(
    edge: Edge,
    streamed: Exempt = lambda _: False,
    shape: Callable[[Scope], Shape] = lambda _: check_shape,
    doors: Sequence[Middleware] = (),
) -> list[Middleware]:
    """Return the middleware, outermost first.

    Args:
        edge: what the server accepts.
        streamed: which requests have bodies that are streamed, without a limit.
        shape: how a request's body is looked at before the app parses it.
        doors: what turns requests away before their bodies are read.
    """
    return [
        Middleware(Forwarded, edge=edge),
        Middleware(AllowedNames, hosts=edge.hosts, origins=edge.origins),
        *doors,
        Middleware(BodyLimit, limit_bytes=edge.body_limit_bytes, streamed=streamed, shape=shape),
    ]
