"""Asks the sources of identities who sent a request, and insists that they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infra.identity.asked import Asked, Basic
from infra.identity.errors import (
    CredentialMalformedError,
    CredentialMissingError,
    CredentialsDifferError,
)
from infra.identity.names import check_text
from infra.identity.open_mode import NOTICE
from infra.identity.principal import NOBODY, Principal, Source


class Authenticator(Protocol):
    """One way in which a caller can say, and prove, who they are."""

    @property
    def source(self) -> Source:
        """What its principals are known from."""

    @property
    def challenge(self) -> str | None:
        """Value of `WWW-Authenticate` that asks for its credential; None where nothing can."""

    @property
    def hidden_headers(self) -> tuple[str, ...]:
        """Headers that nothing behind may see: they hold a secret that many requests share."""

    def check(self) -> str:
        """Return in a few words, without secrets, what it checks against, after a look at it.

        Raises:
            IdentitySourceError: that is away, so that nobody gets in.
        """

    def blocks(self, asked: Asked) -> bool:
        """Whether `authenticate` may wait for a database, a file or another server."""

    def authenticate(self, asked: Asked) -> Principal | None:
        """Return who is asking; None if the request carries nothing for this source.

        Raises:
            UnauthenticatedError: the request's credential does not hold.
            IdentitySourceError: it cannot be checked now.
        """


@dataclass(frozen=True, slots=True)
class Claims:
    """Believes every name: the source of an open server."""

    source = Source.CLAIM
    challenge: str | None = None
    hidden_headers: tuple[str, ...] = ()

    def check(self) -> str:
        """Say that nothing is checked."""
        return NOTICE

    def blocks(self, _asked: Asked) -> bool:
        """Return False."""
        return False

    def authenticate(self, asked: Asked) -> Principal:
        """Return a principal of the name in HTTP basic auth, else nobody.

        Raises:
            NameUnusableError: the name is too long, or holds characters that do not show.
        """
        try:
            found = asked.credential
        except CredentialMalformedError:
            return NOBODY
        if not isinstance(found, Basic) or not found.user:
            return NOBODY
        return Principal(check_text(found.user))


@dataclass(frozen=True, slots=True)
class Sources:
    """Every source that a server has.

    All are asked, so that a forged header is refused even beside a good token.

    Attributes:
        each: sources, of which the first that knows the caller counts.
    """

    each: Sequence[Authenticator]

    @property
    def is_open(self) -> bool:
        """Whether names are claims."""
        return any(not one.source.is_proven for one in self.each)

    @property
    def challenges(self) -> list[str]:
        """Values of `WWW-Authenticate`, each once."""
        return list(dict.fromkeys(one.challenge for one in self.each if one.challenge))

    @property
    def hidden_headers(self) -> frozenset[bytes]:
        """Headers that nothing behind may see, in lower case."""
        names = (name for one in self.each for name in one.hidden_headers)
        return frozenset(name.lower().encode() for name in names)

    def blocks(self, asked: Asked) -> bool:
        """Whether `authenticate` may wait."""
        return any(one.blocks(asked) for one in self.each)

    def authenticate(self, asked: Asked) -> Principal:
        """Return who is asking.

        Raises:
            UnauthenticatedError: nobody is, a credential does not hold, or two disagree.
            IdentitySourceError: a credential cannot be checked now.
        """
        found = [who for one in self.each if (who := one.authenticate(asked)) is not None]
        if not found:
            raise self._missing(asked)
        if len({who.subject for who in found}) > 1:
            raise CredentialsDifferError(
                "expected the credentials of one caller, found those of "
                + " and ".join(sorted({f"{who.name!r} ({who.source})" for who in found})),
                hint="send one credential",
            )
        return found[0]

    def _missing(self, asked: Asked) -> CredentialMissingError:
        known = [one.source.value for one in self.each if one.source is not Source.PLATFORM]
        taken = ", ".join(known)
        has_one = asked.credential is not None
        return CredentialMissingError(
            f"expected a credential of {taken}, found "
            + ("one of another kind" if has_one else "none"),
            hint="set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD; docs/how-to/know-who-asks.md says how",
        )
