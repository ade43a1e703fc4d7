"""Renders the part of Envoy's configuration that changes while it runs: clusters and routes.

A backend's cluster holds its own model servers at priority 0 and those of the other predictors
at priority 1, which only a retry reaches (`previous_priorities`). So a killed canary costs no
client a request, and its failures are still counted on its own cluster. The cluster needs
circuit breakers of its own: the default of three concurrent retries dropped 408 of 8,828
requests when a canary was killed under load.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import cast

from serving.domain.routing import Backend, DeploymentRoute
from serving.gateway import envoy_doors, envoy_edge
from serving.gateway.envoy_doors import Door
from serving.gateway.envoy_errors import Document, answer, header

LISTENER = "gateway"
ROUTES = "gateway"
PREDICTOR_HEADER = "x-acgs-predictor"
VERSION_HEADER = "x-acgs-model-version"
REQUEST_TIMEOUT_SECONDS = 30
CONNECTIONS_PER_SERVER = 64
# Below the model servers' own keep-alive (5 s), so that a reused connection is not a closed one.
UPSTREAM_IDLE_SECONDS = 3
_FEEDBACK = ("api/v1.0/feedback", "api/v0.1/feedback", "send-feedback")
# A prediction changes nothing, so it may be asked again when a server died under it. A status
# that the model itself answered is never retried: the client must see it.
_RETRY_SAFE = "connect-failure,refused-stream,reset-before-request,reset"
_RETRY_ONCE_SENT_NEVER = "connect-failure,refused-stream,reset-before-request"
_TYPE = "type.googleapis.com/envoy."


def clusters(table: Sequence[DeploymentRoute]) -> Document:
    """Return the clusters of every backend, named by a digest of the content."""
    kind = _TYPE + "config.cluster.v3.Cluster"
    return _response(
        [
            {"@type": kind, **_cluster(route, backend)}
            for route in table
            for backend in route.backends
        ]
    )


def routes(
    table: Sequence[DeploymentRoute],
    origins: tuple[str, ...] = (),
    doors: tuple[Door, ...] = (),
) -> Document:
    """Return the routes of every deployment, named by a digest of the content.

    Args:
        table: which backends answer what.
        origins: whose pages may ask.
        doors: listeners that large bodies go through first.
    """
    entries = envoy_doors.route_entries("/seldon/", doors)
    for route in table:
        entries += _deployment_routes(route)
    entries.append(
        answer(
            {"prefix": "/"},
            404,
            "serving.unknown_deployment",
            "no deployment answers at this path",
            "the path is /seldon/NAMESPACE/DEPLOYMENT/...; `acgs endpoint list` shows both",
        )
    )
    resource: Document = {
        "@type": _TYPE + "config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": entries}],
        "request_headers_to_remove": list(envoy_edge.BELIEVED_BY_NOBODY),
        "typed_per_filter_config": envoy_edge.cors_policy(origins),
    }
    return _response([resource])


def merged(document: Document, more: list[Document]) -> Document:
    """Return `document` with further resources."""
    resources = document["resources"]
    assert isinstance(resources, list)
    return _response([*resources, *more])


def _response(resources: list[Document]) -> Document:
    text = json.dumps(resources, sort_keys=True).encode()
    return {"version_info": hashlib.sha256(text).hexdigest()[:16], "resources": resources}


def _cluster(route: DeploymentRoute, backend: Backend) -> Document:
    others = [other for other in route.backends if other is not backend]
    # Only a version that serves anyway may stand in: a canary that is not judged yet must not.
    fallback = [o for o in others if o.predictor == "default"]
    endpoints: list[Document] = [
        _locality(0, [backend]),
        *([_locality(1, fallback)] if fallback else []),
    ]
    name = route.cluster(backend)
    servers = max(1, sum(len(b.addresses) for b in [backend, *fallback]))
    breakers: Document = {
        "max_connections": CONNECTIONS_PER_SERVER * servers,
        "max_pending_requests": 8192,
        "max_requests": 8192,
        "max_retries": 4096,
    }
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        "circuit_breakers": {"thresholds": [breakers]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": _TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions",
                "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_SECONDS}s"},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _locality(priority: int, backends: Sequence[Backend]) -> Document:
    return {
        "priority": priority,
        "lb_endpoints": [
            {
                "endpoint": {"address": address_of(host, port)},
                "metadata": {
                    "filter_metadata": {
                        "acgs": {"predictor": backend.predictor, "version": backend.version}
                    }
                },
            }
            for backend in backends
            for host, port in backend.addresses
        ],
    }


def split_in(document: Document, prefix: str) -> dict[str, int]:
    """Read back which clusters answer below `prefix` in a routes document, in percent."""
    resources = cast("list[dict[str, list[dict[str, list[Document]]]]]", document["resources"])
    for entry in resources[0]["virtual_hosts"][0]["routes"]:
        match, action = cast("Document", entry["match"]), entry.get("route")
        if match.get("prefix") != prefix or "headers" in match or action is None:
            continue
        target = cast("dict[str, str | dict[str, list[dict[str, str | int]]]]", action)
        weighted = target.get("weighted_clusters")
        if isinstance(weighted, dict):
            return {str(c["name"]): int(c["weight"]) for c in weighted["clusters"]}
        return {str(target["cluster"]): 100}
    return {}


def _deployment_routes(route: DeploymentRoute) -> list[Document]:
    if not any(backend.addresses for backend in route.backends):
        return [
            answer(
                {"prefix": route.prefix},
                503,
                "serving.not_ready",
                f"no model server of {route.deployment} is ready",
                "try again in a moment; `acgs endpoint show` says what it waits for",
            )
        ]
    entries = []
    paths = [(path, _RETRY_ONCE_SENT_NEVER) for path in _FEEDBACK] + [("", _RETRY_SAFE)]
    for path, retry_on in paths:
        for backend in route.backends:
            pin: Document = {"name": PREDICTOR_HEADER, "string_match": {"exact": backend.predictor}}
            target: Document = {"cluster": route.cluster(backend)}
            entries.append(_route(route, path, retry_on, target, headers=[pin]))
        entries.append(_route(route, path, retry_on, _split(route), headers=[]))
    return entries


def _split(route: DeploymentRoute) -> Document:
    weighted = [
        {"name": route.cluster(backend), "weight": weight}
        for backend, weight in zip(route.backends, route.weights, strict=True)
        if weight
    ]
    if len(weighted) == 1:
        return {"cluster": weighted[0]["name"]}
    return {"weighted_clusters": {"clusters": weighted}}


def _route(
    route: DeploymentRoute, path: str, retry_on: str, target: Document, headers: list[Document]
) -> Document:
    kind = "extensions.retry."
    return {
        "match": {"prefix": route.prefix + path, **({"headers": headers} if headers else {})},
        "route": {
            **target,
            "prefix_rewrite": "/" + path,
            "timeout": f"{REQUEST_TIMEOUT_SECONDS}s",
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": 3,
                "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.100s"},
                "host_selection_retry_max_attempts": 3,
                "retry_host_predicate": [
                    {
                        "name": "previous_hosts",
                        "typed_config": {
                            "@type": _TYPE + kind + "host.previous_hosts.v3.PreviousHostsPredicate"
                        },
                    }
                ],
                "retry_priority": {
                    "name": "previous_priorities",
                    "typed_config": {
                        "@type": _TYPE
                        + kind
                        + "priority.previous_priorities.v3.PreviousPrioritiesConfig",
                        "update_frequency": 1,
                    },
                },
            },
        },
        "request_headers_to_remove": [envoy_doors.PASSED],
        "response_headers_to_add": [
            # Set by the server that answered, so that a fallback is visible.
            header(PREDICTOR_HEADER, "%UPSTREAM_METADATA(acgs:predictor)%"),
            header(VERSION_HEADER, "%UPSTREAM_METADATA(acgs:version)%"),
        ],
    }


def address_of(host: str, port: int) -> Document:
    """Return a TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}


def file_source(path: str) -> Document:
    """Return a file that Envoy watches."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}
