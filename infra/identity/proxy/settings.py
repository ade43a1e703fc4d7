"""The settings that say which proxy is believed, and in which headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from infra.setting import Text, setting
from infra.settings import listed

_HEADER = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")


def _header(text: str) -> None:
    # No underscore: some servers in front take it for a hyphen, so that two headers become one.
    if not _HEADER.fullmatch(text) or text.lower() in {"authorization", "host", "cookie"}:
        raise ValueError(text)


def _networks(text: str) -> None:
    for proxy in listed(text):
        ip_network(proxy)


_NAME = Text("the name of a header", _header)


@dataclass(frozen=True)
class ProxySettings:
    """Which proxy says who asks."""

    peers: str = setting(
        "ACGS_PROXY_PEERS",
        "",
        "Addresses and networks, separated by commas, of the proxies that may say who asks.",
        Text("addresses and networks, separated by commas", _networks),
    )
    user_header: str = setting(
        "ACGS_PROXY_USER_HEADER",
        "X-Auth-Request-User",
        "Header in which the proxy names the caller, in UTF-8.",
        _NAME,
    )
    groups_header: str = setting(
        "ACGS_PROXY_GROUPS_HEADER",
        "X-Auth-Request-Groups",
        "Header in which the proxy lists the caller's groups, separated by commas; a group with "
        'a comma in it stands in "double quotes".',
        _NAME,
    )
    secret_header: str = setting(
        "ACGS_PROXY_SECRET_HEADER",
        "X-ACGS-Proxy-Secret",
        "Header in which the proxy shows a line of secrets/proxy.secret.",
        _NAME,
    )

    @property
    def headers(self) -> Iterable[str]:
        """Return the three headers."""
        return (self.user_header, self.groups_header, self.secret_header)
