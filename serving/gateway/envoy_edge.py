"""Builds the parts of Envoy's configuration that limit what clients may send.

The whole body is read before a model server sees a byte of it, so that slow clients hold no
connection of a model server. Nothing that a client says about itself or to Envoy is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.web.edge import Edge
from infra.web.names import ANY, host_name
from serving.gateway.envoy_doors import DIRECT_BYTES, HEAP_BYTES
from serving.gateway.envoy_errors import HAS_ORIGIN, HEADERS_COUNT, HEADERS_KIB, Document
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from infra.settings import Settings

REQUEST_SECONDS = 60
"""Longest that a whole request may take to come in."""
STREAM_SECONDS = 180
"""Longest from the first byte of a request to the last of its answer."""
IDLE_SECONDS = 60
"""How long a connection without a request is kept."""
CLIENT_ADDRESSES = 10_000
"""Most client addresses whose requests are counted separately; the oldest is forgotten."""
BELIEVED_BY_NOBODY = (
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded",
    "x-real-ip", "x-envoy-external-address", "x-acgs-model-version",
)  # fmt: skip
"""Removed before a model server sees them. Envoy itself drops `x-envoy-*` of outer clients, and
every client is one; `x-acgs-predictor` stays, for it pins a predictor."""
_TYPE = "type.googleapis.com/envoy."


@dataclass(frozen=True, slots=True)
class GatewayEdge:
    """What the gateway accepts.

    Attributes:
        edge: as of the other servers; trusted proxies and limits per peer are not used.
        requests_per_second: most requests of one client address.
    """

    edge: Edge
    requests_per_second: int

    @classmethod
    def of(cls, settings: Settings) -> GatewayEdge:
        """Return what the settings say."""
        limits = settings.of(ServingSettings)
        edge = Edge.of(settings, limits.gateway_body_limit_bytes)
        return cls(edge, limits.gateway_requests_per_second)


def manager_options(edge: Edge) -> Document:
    """Return the options of an HTTP connection manager that bound times and sizes."""
    return {
        "use_remote_address": True,
        "xff_num_trusted_hops": 0,
        "skip_xff_append": True,
        # Else a client on a private address could give orders by x-envoy-* headers. One address
        # that no client has, for an empty list means the private ones.
        "internal_address_config": {
            "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]
        },
        "request_headers_timeout": seconds(edge.clients.header_seconds),
        "request_timeout": seconds(REQUEST_SECONDS),
        "max_request_headers_kb": HEADERS_KIB,
        "common_http_protocol_options": {
            "idle_timeout": seconds(IDLE_SECONDS),
            "max_headers_count": HEADERS_COUNT,
            "max_stream_duration": seconds(STREAM_SECONDS),
        },
        # HTTP/2 has clocks of its own, and nothing here speaks it: no stated time would hold.
        "codec_type": "HTTP1",
    }


def listener_options(edge: Edge) -> Document:
    """Return the options of a listener, which closes silent connections.

    The connection manager's clock starts with the first byte. What waits for that byte, here
    the inspector that finds out the version of HTTP, has a clock of its own.
    """
    kind = "extensions.filters.listener.http_inspector.v3.HttpInspector"
    inspector = {
        "name": "envoy.filters.listener.http_inspector",
        "typed_config": {"@type": _TYPE + kind},
    }
    return {
        "listener_filters": [inspector],
        "listener_filters_timeout": seconds(edge.clients.header_seconds),
    }


def filters(given: GatewayEdge) -> list[Document]:
    """Return the filters in front of the router, in order."""
    limit = given.edge.body_limit_bytes
    return [
        *_names(given.edge),
        _filter("cors", "cors.v3.Cors", {}),
        _rate_limit(given.requests_per_second),
        _filter("body_size_limit", "body_size_limit.v3.BodySizeLimit", _most(limit)),
        _filter("buffer", "buffer.v3.Buffer", _most(min(limit, DIRECT_BYTES))),
    ]


def filters_behind_a_door(given: GatewayEdge) -> list[Document]:
    """Return the filters in front of the router where large bodies are held."""
    return [_filter("buffer", "buffer.v3.Buffer", _most(given.edge.body_limit_bytes))]


def admin_filters(given: GatewayEdge) -> list[Document]:
    """Return the filters in front of Envoy's admin interface: for reading only, so no bodies."""
    return [
        *_names(given.edge),
        _filter("body_size_limit", "body_size_limit.v3.BodySizeLimit", _most(1024)),
    ]


def overload(edge: Edge) -> Document:
    """Return what Envoy does when memory or connections run out."""
    monitors = _TYPE + "extensions.resource_monitors."

    def above(share: float) -> list[Document]:
        name = "envoy.resource_monitors.fixed_heap"
        return [{"name": name, "threshold": {"value": share}}]

    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.fixed_heap",
                "typed_config": {
                    "@type": monitors + "fixed_heap.v3.FixedHeapConfig",
                    "max_heap_size_bytes": HEAP_BYTES,
                },
            },
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": monitors + "downstream_connections.v3.DownstreamConnectionsConfig",
                    "max_active_downstream_connections": edge.clients.connections,
                },
            },
        ],
        "actions": [
            {"name": "envoy.overload_actions.shrink_heap", "triggers": above(0.85)},
            {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": above(0.95)},
        ],
    }


def cors_policy(origins: tuple[str, ...]) -> Document:
    """Return the CORS policy for the allowed origins; empty if there are none."""
    if not origins:
        return {}
    return {
        "envoy.filters.http.cors": {
            "@type": _TYPE + "extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [_regex(_origin_pattern(origins))],
            "allow_methods": "GET, POST, OPTIONS",
            "allow_headers": "content-type, authorization, x-acgs-predictor",
            "expose_headers": "x-acgs-predictor, x-acgs-model-version",
            "max_age": "600",
        }
    }


def seconds(value: float) -> str:
    """Return a duration as Envoy reads it."""
    return f"{value:g}s"


def _names(edge: Edge) -> list[Document]:
    policies: Document = {}
    if ANY not in edge.hosts:
        pattern = _host_pattern(edge.hosts)
        policies["host"] = _denying({"not_rule": _header(":authority", pattern)})
    if ANY not in edge.origins:
        foreign: Document = {"header": HAS_ORIGIN}
        if edge.origins:
            listed = {"not_rule": _header("origin", _origin_pattern(edge.origins))}
            foreign = {"and_rules": {"rules": [foreign, listed]}}
        policies["origin"] = _denying(foreign)
    if not policies:
        return []
    return [_filter("rbac", "rbac.v3.RBAC", {"rules": {"action": "DENY", "policies": policies}})]


def _denying(permission: Document) -> Document:
    return {"permissions": [permission], "principals": [{"any": True}]}


def _header(name: str, pattern: str) -> Document:
    return {"header": {"name": name, "string_match": _regex(pattern)}}


def _regex(pattern: str) -> Document:
    return {"safe_regex": {"regex": pattern}}


def _host_pattern(hosts: tuple[str, ...]) -> str:
    names = dict.fromkeys(host_name(host) for host in hosts)
    return f"(?i)(?:{'|'.join(_one_host(name) for name in names)})\\.?(?::[0-9]+)?"


def _one_host(name: str) -> str:
    if ":" in name:
        return rf"\[{re.escape(name)}\]"
    if name.startswith("*."):
        return "[^:]+" + re.escape(name[1:])
    return re.escape(name)


def _origin_pattern(origins: tuple[str, ...]) -> str:
    if ANY in origins:
        return ".*"
    return f"(?i)(?:{'|'.join(re.escape(origin.rstrip('/')) for origin in origins)})"


def _rate_limit(requests_per_second: int) -> Document:
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return _filter(
        "local_ratelimit",
        "local_ratelimit.v3.LocalRateLimit",
        {
            "stat_prefix": "gateway",
            "filter_enabled": everything,
            "filter_enforced": everything,
            "rate_limits": [{"actions": [{"remote_address": {}}]}],
            # An entry without a value stands for every address, each with a bucket of its own.
            "descriptors": [
                {
                    "entries": [{"key": "remote_address"}],
                    "token_bucket": {
                        "max_tokens": requests_per_second,
                        "tokens_per_fill": requests_per_second,
                        "fill_interval": "1s",
                    },
                }
            ],
            "max_dynamic_descriptors": CLIENT_ADDRESSES,
            "response_headers_to_add": [{"header": {"key": "retry-after", "value": "1"}}],
        },
    )


def _most(request_bytes: int) -> Document:
    return {"max_request_bytes": request_bytes}


def _filter(name: str, kind: str, config: Document) -> Document:
    return {
        "name": f"envoy.filters.http.{name}",
        "typed_config": {"@type": f"{_TYPE}extensions.filters.http.{kind}", **config},
    }
