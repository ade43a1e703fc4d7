"""Authenticates requests by service tokens."""

from __future__ import annotations

from dataclasses import dataclass

from infra.clock import Clock, utc_now
from infra.errors import UnavailableError
from infra.identity.asked import Asked, Basic, Bearer
from infra.identity.errors import IdentitySourceError
from infra.identity.principal import Principal, Source
from infra.settings import Settings
from registry.tokens.domain.text import PREFIX
from registry.tokens.service import Tokens, open_tokens


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Takes service tokens as bearer tokens, or as the password of any user name."""

    tokens: Tokens
    clock: Clock = utc_now
    source = Source.SERVICE_TOKEN
    challenge = 'Bearer realm="acgs"'
    hidden_headers: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> TokenSource:
        """Return the source on this installation's database."""
        return cls(open_tokens(settings))

    def check(self) -> str:
        """Count the tokens."""
        return f"service-token: {len(self.tokens.every())} made"

    def blocks(self, asked: Asked) -> bool:
        """Whether the database has to be asked."""
        return _text(asked) is not None

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return the service that holds a token.

        Raises:
            UnauthenticatedError: the token does not hold.
            IdentitySourceError: the database does not answer.
        """
        text = _text(asked)
        if text is None:
            return None
        try:
            return self.tokens.check(text, self.clock()).principal
        except UnavailableError as err:
            raise IdentitySourceError(
                "expected the database of service tokens, found no answer", hint="try again"
            ) from err


def _text(asked: Asked) -> str | None:
    match asked.credential:
        case Bearer(token=text) | Basic(password=text) if text.startswith(PREFIX):
            return text
        case _:
            return None
