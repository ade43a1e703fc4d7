"""Authenticates requests by what an authenticating proxy says of them."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from infra.errors import UnauthenticatedError
from infra.identity.asked import Asked
from infra.identity.errors import IdentitySettingsError, IdentitySourceError
from infra.identity.names import check_groups, check_proven
from infra.identity.principal import Principal, Source
from infra.identity.proxy.groups import read_groups
from infra.identity.proxy.settings import ProxySettings
from infra.identity.settings import required
from infra.secrets import SecretError, secret_file
from infra.settings import Settings, listed

SECRET_FILE = "proxy.secret"  # noqa: S105 - the name of a file
SHORTEST_SECRET = 32


class WrongProxyError(UnauthenticatedError):
    """A header that only the proxy may send came from another address."""

    code = "auth.proxy_peer"


class WrongProxySecretError(UnauthenticatedError):
    """A header that only the proxy may send came without its secret, or with another."""

    code = "auth.proxy_secret"


@dataclass(frozen=True, slots=True)
class ProxySource:
    """Takes names from a listed peer that shows the secret; refuses them from anybody else."""

    settings: Settings
    peers: tuple[IPv4Network | IPv6Network, ...]
    given: ProxySettings
    source = Source.PROXY
    challenge: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> ProxySource:
        """Return the source that the settings describe; makes the secret if there is none.

        Raises:
            IdentitySettingsError: no peer is listed, two headers are one, or a secret is too short.
        """
        given = settings.of(ProxySettings)
        peers = listed(required("ACGS_PROXY_PEERS", given.peers, Source.PROXY))
        if len({name.lower() for name in given.headers}) < len(list(given.headers)):
            raise IdentitySettingsError(
                "expected a header each for the proxy's user, groups and secret, found one twice",
                hint="set ACGS_PROXY_USER_HEADER, ACGS_PROXY_GROUPS_HEADER and "
                "ACGS_PROXY_SECRET_HEADER to three names",
            )
        made = cls(settings, tuple(map(ip_network, peers)), given)
        if any(len(secret) < SHORTEST_SECRET for secret in made.secrets()):
            raise IdentitySettingsError(
                f"expected lines of at least {SHORTEST_SECRET} characters in "
                f"secrets/{SECRET_FILE}, found a shorter one",
                hint="write a random line, or remove the file to have one made",
            )
        return made

    @property
    def hidden_headers(self) -> tuple[str, ...]:
        """The secret's header."""
        return (self.given.secret_header,)

    def check(self) -> str:
        """Name the proxies and the header."""
        self.secrets()
        return f"proxy: {self.given.user_header} from {self.given.peers}"

    def secrets(self) -> list[str]:
        """Return the secrets that are taken now; two while one replaces the other.

        Raises:
            IdentitySourceError: the file cannot be read, or is empty.
        """
        try:
            text = secret_file(self.settings, SECRET_FILE, lambda: secrets.token_urlsafe(32))
        except (OSError, SecretError) as err:
            raise IdentitySourceError(
                f"expected the proxy's secret in secrets/{SECRET_FILE}, found that it cannot be "
                f"read: {type(err).__name__}",
                hint="see acgs health",
            ) from err
        found = text.split()
        if not found:
            raise IdentitySourceError(
                f"expected the proxy's secret in secrets/{SECRET_FILE}, found none",
                hint="remove the file to have one made, and give it to the proxy",
            )
        return found

    def blocks(self, _asked: Asked) -> bool:
        """Return False: a line of a small file is read at once."""
        return False

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return whom the proxy names.

        Raises:
            WrongProxyError: a header of the proxy's came from elsewhere.
            WrongProxySecretError: its secret is missing or another.
        """
        user, groups, shown = map(asked.header, self.given.headers)
        if user is None and groups is None and shown is None:
            return None
        if not self._is_proxy(asked.peer):
            raise WrongProxyError(
                "expected headers of the authenticating proxy from one of ACGS_PROXY_PEERS, found "
                f"them from {asked.peer[:60]}",
                hint="ask through the proxy, or leave these headers out",
            )
        if not self._is_secret(shown or ""):
            raise WrongProxySecretError(
                f"expected a line of secrets/{SECRET_FILE} in the header "
                f"{self.given.secret_header}, found {'another' if shown else 'none'}",
                hint="have the proxy set it on every request, in place of what clients send",
            )
        if not user:
            return None
        found = check_groups(read_groups(groups or ""))
        return Principal(check_proven(user), groups=found, source=Source.PROXY)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.peers)

    def _is_secret(self, shown: str) -> bool:
        # Each is compared, so that the time says nothing of which.
        matches = [hmac.compare_digest(shown.encode(), known.encode()) for known in self.secrets()]
        return any(matches)
