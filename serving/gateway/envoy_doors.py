"""Sends large bodies through extra listeners ("doors"), each of which admits only a few at once.

The gateway holds a whole body before a model server sees it, and Envoy has no share of memory per
client. So bodies larger than DIRECT_BYTES, and those that do not state their length, are passed on
as they come to a second listener of the same Envoy, a socket in its folder, which holds them. Only
so many at once are let through to it; a few more wait their turn in the kernel's buffers, beyond
those a request is answered 503. Unfinished bodies, however many, leave room for small requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from serving.gateway.envoy_errors import Document

HEAP_BYTES = 1 << 30
"""What bodies and connections may take together; beyond, new requests are answered 503."""
DIRECT_BYTES = 1 << 16
"""Bodies up to this are held at once, one for each of the 4096 connections if need be."""
MIDDLE_BYTES = 1 << 20
MOST_AT_ONCE = 64
WORKERS = 2
"""Envoy's threads. Each opens a connection if it has none, whatever the limit of all: one body more
may be held. Were the limit of requests the same, that thread would refuse all others with 503."""
WAITING = 64
BUFFER_BYTES = 1 << 18
"""What is read ahead of one connection; a request that waits for a place holds no more."""
PASSED = "x-acgs-passed-door"
"""Marks what came through a door. A client that sends this header itself only loses the door:
its body is held, or refused, like a small one."""
_TYPE = "type.googleapis.com/envoy."


@dataclass(frozen=True, slots=True)
class Door:
    """A way for bodies of some size.

    Attributes:
        name: of its cluster, its listener and its socket.
        above_bytes: smaller ones, and those of this size, come by another way.
        up_to_bytes: None if nothing larger has a door, and bodies of unknown length come here.
        at_once: most bodies that are held.
    """

    name: str
    above_bytes: int
    up_to_bytes: int | None
    at_once: int

    @property
    def address(self) -> Document:
        """Return the door's socket, relative to the folder that Envoy is started in."""
        return {"pipe": {"path": f"{self.name}.sock", "mode": 0o600}}


def doors(body_limit_bytes: int) -> tuple[Door, ...]:
    """Return the doors of a gateway that takes bodies up to this size.

    The bodies behind a door take a quarter of the heap, twice that while they are sent on.
    """
    if body_limit_bytes <= DIRECT_BYTES:
        return ()
    if body_limit_bytes <= MIDDLE_BYTES:
        return (Door("bodies-large", DIRECT_BYTES, None, _at_once(body_limit_bytes)),)
    return (
        Door("bodies-middle", DIRECT_BYTES, MIDDLE_BYTES, _at_once(4 * MIDDLE_BYTES)),
        Door("bodies-large", MIDDLE_BYTES, None, _at_once(body_limit_bytes)),
    )


def _at_once(body_bytes: int) -> int:
    return max(1, min(MOST_AT_ONCE, HEAP_BYTES // 4 // body_bytes))


def cluster(door: Door) -> Document:
    """Return the cluster that stands for the listener behind a door."""
    endpoint = {"endpoint": {"address": door.address}}
    breakers: Document = {
        "max_connections": door.at_once,
        "max_requests": door.at_once + WORKERS,
        "max_pending_requests": WAITING,
    }
    return {
        "name": door.name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": BUFFER_BYTES,
        "load_assignment": {"cluster_name": door.name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        "circuit_breakers": {"thresholds": [breakers]},
    }


def route_entries(prefix: str, given: tuple[Door, ...]) -> list[Document]:
    """Return the routes below `prefix` that lead to the doors; put them before all others."""
    return [
        {
            "match": {"prefix": prefix, "headers": [_absent(PASSED), *size]},
            # Behind the door a request's time limits are the usual ones.
            "route": {"cluster": door.name, "timeout": "0s"},
            "request_headers_to_add": [{"header": {"key": PASSED, "value": "1"}}],
            "typed_per_filter_config": {
                "envoy.filters.http.buffer": {
                    "@type": _TYPE + "extensions.filters.http.buffer.v3.BufferPerRoute",
                    "disabled": True,
                }
            },
        }
        for door in given
        for size in _sizes(door)
    ]


def _sizes(door: Door) -> list[list[Document]]:
    end = (1 << 62) if door.up_to_bytes is None else door.up_to_bytes + 1
    stated = {"start": door.above_bytes + 1, "end": end}
    found: list[list[Document]] = [[{"name": "content-length", "range_match": stated}]]
    if door.up_to_bytes is None:
        # Envoy shows no route the header that says "in chunks".
        posted: Document = {"name": ":method", "string_match": {"exact": "POST"}}
        found.append([posted, _absent("content-length")])
    return found


def _absent(name: str) -> Document:
    return {"name": name, "present_match": True, "invert_match": True}
