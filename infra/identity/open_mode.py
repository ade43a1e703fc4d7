"""Keeps an open server to its own machine, and says what open means."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from infra.identity.errors import OpenServerError
from infra.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from infra.settings import Settings

NOTICE = "Names are claims: this server is open and checks no name."


def notice(settings: Settings) -> str:
    """Return what pages and `acgs status` say of an open server; empty for another."""
    return NOTICE if settings.of(IdentitySettings).is_open else ""


def check(settings: Settings) -> None:
    """Refuse to serve an open server to other machines.

    Raises:
        OpenServerError: names are claims, and the address is not this machine's alone.
    """
    if settings.of(IdentitySettings).is_open and not is_loopback(settings.host):
        raise OpenServerError(
            f"expected an address that only this machine reaches while ACGS_IDENTITY is open, "
            f"found ACGS_HOST={settings.host}",
            hint="set ACGS_IDENTITY, so that names are proven (docs/how-to/know-who-asks.md), or "
            "ACGS_HOST=127.0.0.1",
        )


def is_loopback(host: str) -> bool:
    """Whether every address of a host is a loopback address; False for an unknown host."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    addresses = [ip_address(str(text).partition("%")[0]) for text in found]
    return bool(addresses) and all(
        (getattr(address, "ipv4_mapped", None) or address).is_loopback for address in addresses
    )
