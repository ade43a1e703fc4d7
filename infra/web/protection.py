"""The middleware that every server of the platform has in front of its app."""

from __future__ import annotations

from starlette.middleware import Middleware

from infra.web.bodies import BodyLimit, Exempt
from infra.web.edge import Edge
from infra.web.forwarded import Forwarded
from infra.web.names import AllowedNames


def protection(
    edge: Edge, streamed: Exempt = lambda _: False, opaque: Exempt = lambda _: False
) -> list[Middleware]:
    """Return the middleware, outermost first.

    Args:
        edge: what the server takes.
        streamed: which requests have bodies that are streamed, without a limit.
        opaque: which requests have bodies that nothing parses as JSON.
    """
    return [
        Middleware(Forwarded, edge=edge),
        Middleware(AllowedNames, hosts=edge.hosts, origins=edge.origins),
        Middleware(BodyLimit, limit_bytes=edge.body_limit_bytes, streamed=streamed, opaque=opaque),
    ]
