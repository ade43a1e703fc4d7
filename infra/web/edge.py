"""What a server accepts from its clients: sizes, times, numbers, names."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from infra import loopback

if TYPE_CHECKING:
    from infra.settings import Settings

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Limits on how slow and how many a server's clients may be.

    Attributes:
        header_seconds: longest that a connection may take to send a request's headers.
        stall_seconds: the time in which a client that sends a body, or reads an answer, must have
            moved `stall_seconds * floor_bytes_per_second` bytes.
        floor_bytes_per_second: slowest rate of a client that counts as honest.
        connections: most open connections.
        connections_per_peer: most open connections of one address; proxies are exempt.
    """

    header_seconds: float = 10.0
    stall_seconds: float = 20.0
    floor_bytes_per_second: int = 256
    connections: int = 4096
    connections_per_peer: int = 1024


@dataclass(frozen=True, slots=True)
class Edge:
    """What one server accepts.

    Attributes:
        body_limit_bytes: largest body that is read into memory.
        hosts: names and addresses, lower case, that a request may give as its host; `*` for any,
            `*.example.org` for every name below a domain.
        origins: origins (`https://app.example.org`) whose pages may ask; `*` for any. A server's
            own pages always may.
        trusted_proxies: addresses and networks whose `X-Forwarded-For` and `X-Forwarded-Proto`
            are believed.
        clients: limits of its connections.
    """

    body_limit_bytes: int = MIB
    hosts: tuple[str, ...] = loopback.HOSTS
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    clients: ClientLimits = field(default_factory=ClientLimits)

    def is_trusted(self, peer: str) -> bool:
        """Whether a peer's address is a trusted proxy's."""
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in ip_network(proxy) for proxy in self.trusted_proxies)

    @classmethod
    def of(cls, settings: Settings, body_limit_bytes: int) -> Edge:
        """Return what the settings say, for a server with this body limit."""
        return cls(
            body_limit_bytes=body_limit_bytes,
            hosts=tuple(settings.hosts_allowed),
            origins=tuple(settings.origins_allowed),
            trusted_proxies=tuple(settings.proxies_trusted),
            clients=ClientLimits(
                header_seconds=settings.client_header_seconds,
                stall_seconds=settings.client_stall_seconds,
                floor_bytes_per_second=settings.client_floor_bytes_per_second,
                connections=settings.connection_limit,
                connections_per_peer=settings.connection_limit_per_peer,
            ),
        )
