"""Decides where a webhook may go: https anywhere, plain http only to this machine."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from infra.errors import UsageError

_HINT = "use an https URL, or plain http to a loopback address such as http://127.0.0.1:8080/hook"


class WebhookUrlError(UsageError):
    """A webhook's URL is malformed, or would send events in clear text over a network."""

    code = "registry.webhook_url_invalid"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that passed the rule, split into what a sender needs.

    Attributes:
        authority: host and port as written, for the `Host` header.
        origin: scheme, host and port: what may be logged; a path may hold a token.
    """

    url: str
    scheme: str
    host: str
    port: int
    authority: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, without the path."""
        return f"{self.scheme}://{self.authority}"


def parse_target(url: str) -> Target:
    """Check what can be checked without looking up a name.

    Raises:
        WebhookUrlError: not an http(s) URL with a host, or it carries a password or fragment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as err:
        raise WebhookUrlError(f"webhook URL: expected a URL, found {url!r}: {err}") from err
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WebhookUrlError(
            f"webhook URL: expected http(s)://host/path, found {url!r}", hint=_HINT
        )
    if parts.username is not None or parts.password is not None:
        raise WebhookUrlError(
            f"webhook URL of {parts.hostname}: expected no user name or password in it",
            hint="deliveries are signed with the webhook's secret; check that instead",
        )
    if parts.fragment or any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        raise WebhookUrlError(
            "webhook URL: expected no fragment, blanks or control characters", hint=_HINT
        )
    return Target(
        url=url,
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (443 if parts.scheme == "https" else 80),
        authority=parts.netloc,
    )


def require_loopback(target: Target, addresses: list[str]) -> list[str]:
    """Return the addresses to try for a plain http target, IPv4 first.

    Raises:
        WebhookUrlError: one of them is not on this machine.
    """
    for address in addresses:
        if not ipaddress.ip_address(address).is_loopback:
            raise WebhookUrlError(
                f"webhook URL {target.origin}: expected plain http to a loopback address only, "
                f"found {address}",
                hint=_HINT,
            )
    return sorted(set(addresses), key=lambda address: (":" in address, address))


def check_url(url: str) -> Target:
    """Apply the whole rule; looks up the name for plain http.

    Raises:
        WebhookUrlError: see `parse_target` and `require_loopback`; or the name is unknown.
    """
    target = parse_target(url)
    if target.scheme == "https":
        return target
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as err:
        raise WebhookUrlError(
            f"webhook URL {target.origin}: the host name cannot be resolved: {err}", hint=_HINT
        ) from err
    require_loopback(target, [str(entry[4][0]) for entry in found])
    return target
