"""Builds Envoy's start-up configuration: listeners, admin interface, statistics, limits."""

from __future__ import annotations

from infra.web.edge import Edge
from serving.gateway import envoy_doors, envoy_edge
from serving.gateway.envoy_admin import ADMIN_SOCKET
from serving.gateway.envoy_config import (
    LISTENER,
    REQUEST_TIMEOUT_SECONDS,
    ROUTES,
    address_of,
    file_source,
)
from serving.gateway.envoy_edge import GatewayEdge
from serving.gateway.envoy_errors import Document, answer, error_mappers

STATS_FLUSH_SECONDS = 0.5
BUCKETS_MS = (
    0.5, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 700,
    1000, 1500, 2000, 3000, 5000, 10000, 30000,
)  # fmt: skip
STREAM_IDLE_SECONDS = REQUEST_TIMEOUT_SECONDS + 5
"""After this long without a byte in either direction a request ends; a model may take 30 s."""
ADMIN = "admin"
_TYPE = "type.googleapis.com/envoy."
_ADMIN_ADDRESS: Document = {"pipe": {"path": ADMIN_SOCKET, "mode": 0o600}}
_ADMIN_PATHS: tuple[Document, ...] = (
    {"path": "/ready"},
    {"path": "/server_info"},
    {"path": "/clusters"},
    {"path": "/stats"},
    {"path": "/stats/prometheus"},
)


def bootstrap(
    *,
    host: str,
    port: int,
    admin_port: int,
    clusters_file: str,
    routes_file: str,
    edge: GatewayEdge,
) -> Document:
    """Return Envoy's start-up configuration.

    Envoy's admin interface, which can end it, is a socket in the folder that Envoy is started in.
    Its harmless paths are passed on by a separate listener, for people and Prometheus.
    """
    routes: Document = {"route_config_name": ROUTES, "config_source": file_source(routes_file)}
    rds: Document = {"rds": routes}
    gateway = _listener(LISTENER, address_of(host, port), rds, edge.edge, envoy_edge.filters(edge))
    admin = _listener(
        ADMIN,
        address_of("127.0.0.1", admin_port),
        {"route_config": _admin_routes()},
        edge.edge,
        envoy_edge.admin_filters(edge),
    )
    doors = envoy_doors.doors(edge.edge.body_limit_bytes)
    behind = [
        _listener(door.name, door.address, rds, edge.edge, envoy_edge.filters_behind_a_door(edge))
        for door in doors
    ]
    clusters = [_admin_cluster(), *(envoy_doors.cluster(door) for door in doors)]
    return {
        "admin": {"address": _ADMIN_ADDRESS, "ignore_global_conn_limit": True},
        "stats_flush_interval": f"{STATS_FLUSH_SECONDS}s",
        "stats_config": {
            "histogram_bucket_settings": [
                {"match": {"suffix": "upstream_rq_time"}, "buckets": list(BUCKETS_MS)}
            ]
        },
        "overload_manager": envoy_edge.overload(edge.edge),
        # The version of the routes is counted under the first that reads them.
        "static_resources": {"listeners": [gateway, admin, *behind], "clusters": clusters},
        "dynamic_resources": {"cds_config": file_source(clusters_file)},
    }


def _listener(
    name: str, address: Document, options: Document, edge: Edge, filters: list[Document]
) -> Document:
    manager: Document = {
        "@type": _TYPE
        + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "generate_request_id": False,
        "normalize_path": True,
        "stream_idle_timeout": envoy_edge.seconds(STREAM_IDLE_SECONDS),
        "local_reply_config": {"mappers": error_mappers()},
        **envoy_edge.manager_options(edge),
        **options,
        "http_filters": [
            *filters,
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _TYPE + "extensions.filters.http.router.v3.Router"},
            },
        ],
    }
    http = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {
        "name": name,
        "address": address,
        "per_connection_buffer_limit_bytes": envoy_doors.BUFFER_BYTES,
        # A door has its own limit, which its cluster holds.
        "ignore_global_conn_limit": "pipe" in address,
        **envoy_edge.listener_options(edge),
        "filter_chains": [{"filters": [http]}],
    }


def _admin_cluster() -> Document:
    endpoint = {"endpoint": {"address": _ADMIN_ADDRESS}}
    return {
        "name": ADMIN,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": ADMIN, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _admin_routes() -> Document:
    reading: Document = {"name": ":method", "string_match": {"exact": "GET"}}
    entries: list[Document] = [
        {"match": {**path, "headers": [reading]}, "route": {"cluster": ADMIN, "timeout": "10s"}}
        for path in _ADMIN_PATHS
    ]
    entries.append(
        answer(
            {"prefix": "/"},
            403,
            "serving.admin_read_only",
            "expected GET of /ready, /stats, /clusters or /server_info, found something else",
            "the whole interface is the socket serving/envoy/admin.sock of the storage root",
        )
    )
    return {"virtual_hosts": [{"name": ADMIN, "domains": ["*"], "routes": entries}]}
