"""Who is believed about the client's address, on a real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.configuration import load_settings
from infra.errors import SettingsError
from infra.web.edge import Edge
from infra.web.protection import protection
from tests.support import serving_app


async def show(request: Request) -> Response:
    assert request.client is not None
    names = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host")
    seen = {name: request.headers[name] for name in names if name in request.headers}
    return JSONResponse({"client": request.client.host, "scheme": request.url.scheme, "seen": seen})


@contextlib.contextmanager
def served(*proxies: str) -> Iterator[str]:
    edge = Edge(trusted_proxies=proxies)
    app = Starlette(routes=[Route("/", show)], middleware=protection(edge))
    with serving_app.served(app, edge) as port:
        yield f"http://127.0.0.1:{port}"


CLAIMS = {
    "x-forwarded-for": "6.6.6.6",
    "x-real-ip": "6.6.6.6",
    "forwarded": "for=6.6.6.6",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
}


@pytest.mark.parametrize("proxies", [(), ("10.0.0.1",), ("10.0.0.0/8", "fd00::/8")])
def test_nobody_else_is_believed(proxies: tuple[str, ...]) -> None:
    with served(*proxies) as url:
        found = httpx.get(url, headers=CLAIMS, trust_env=False).json()
    assert found == {"client": "127.0.0.1", "scheme": "http", "seen": {}}


@pytest.mark.parametrize("proxy", ["127.0.0.1", "127.0.0.0/8"])
def test_a_trusted_proxy_is_believed(proxy: str) -> None:
    with served(proxy) as url:
        found = httpx.get(url, headers=CLAIMS, trust_env=False).json()
    assert (found["client"], found["scheme"]) == ("6.6.6.6", "https")


def test_what_a_client_told_a_trusted_proxy_is_not_believed() -> None:
    with served("127.0.0.1", "10.0.0.0/8") as url:
        chain = {"x-forwarded-for": "1.2.3.4, 6.6.6.6, 10.0.0.7"}
        found = httpx.get(url, headers=chain, trust_env=False).json()
    assert found["client"] == "6.6.6.6"


@pytest.mark.parametrize("value", ["proxy.example.org", "*", "10.0.0.1/8", "10.0.0"])
def test_what_is_no_address_or_network_is_no_setting(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACGS_TRUSTED_PROXIES", value)
    with pytest.raises(SettingsError, match="ACGS_TRUSTED_PROXIES"):
        load_settings()
