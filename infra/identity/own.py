"""Lets the platform's own processes in, by a secret that is kept in the storage root.

The scorer writes its reports over HTTP, and commands read from a server. They prove no person's
name, and may do no more than that.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.identity.asked import Asked, Bearer
from infra.identity.names import PLATFORM
from infra.identity.principal import Kind, Principal, Scope, Source
from infra.identity.settings import IdentitySettings
from infra.secrets import FOLDER, secret_file
from infra.settings import Settings

SECRET_FILE = "platform.token"  # noqa: S105 - the name of a file
PREFIX = "acgs-platform_"
OWN = Principal(PLATFORM, Kind.SERVICE, source=Source.PLATFORM, scope=Scope(verbs=("read", "log")))


def own_token(settings: Settings) -> str | None:
    """Return the platform's own bearer token; None where the server asks nobody."""
    if settings.of(IdentitySettings).is_open:
        return None
    return secret_file(settings, SECRET_FILE, lambda: PREFIX + secrets.token_urlsafe(32))


def own_token_in(root: Path) -> str | None:
    """Return the token of a storage root, if there is one that this process may read."""
    try:
        return (root / FOLDER / SECRET_FILE).read_text() or None
    except OSError:
        return None


@dataclass(frozen=True, slots=True)
class OwnProcesses:
    """Takes the platform's own token."""

    token: str
    source = Source.PLATFORM
    challenge: str | None = None
    hidden_headers: tuple[str, ...] = ()

    def check(self) -> str:
        """Say nothing: it is always on."""
        return ""

    def blocks(self, _asked: Asked) -> bool:
        """Return False."""
        return False

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return the platform; None for any other credential."""
        found = asked.credential
        if not isinstance(found, Bearer) or not found.token.startswith(PREFIX):
            return None
        same = hmac.compare_digest(found.token.encode(), self.token.encode())
        return OWN if same else None
