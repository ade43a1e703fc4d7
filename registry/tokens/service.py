"""Makes, lists, checks and revokes service tokens."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from infra.clock import to_millis
from infra.errors import PlatformError, UsageError
from infra.identity.names import check_proven
from infra.identity.principal import Scope
from infra.settings import Settings
from infra.stores.db import open_engine, reading, transaction
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.tokens.adapters import token_rows
from registry.tokens.domain import text
from registry.tokens.domain.token import ServiceToken, TokenState
from registry.tokens.errors import (
    NoSuchTokenError,
    TokenOverError,
    TokenRevokedError,
    TokenUnknownError,
)

LONGEST = timedelta(days=366)
USE_NOTED_MS = 60_000
"""How exactly the last use is kept: a write for each request would cost more than the request."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The service tokens of one database."""

    engine: Engine

    def create(
        self,
        name: str,
        scope: Scope,
        lasts: timedelta,
        act: Act,
        recovering: str = "",
    ) -> tuple[ServiceToken, str]:
        """Make a token; return it with its text, which is not kept.

        Args:
            name: of the service.
            scope: what it may do at most.
            lasts: how long it lasts.
            act: who makes it, and when.
            recovering: why somebody with access to the database goes round the roles in force;
                empty for who does not.

        Raises:
            UsageError: it would last too long, or the scope is empty.
            NameUnusableError: the name cannot be a caller's.
        """
        if not timedelta(0) < lasts <= LONGEST:
            raise UsageError(
                f"expected a token that lasts 1 to {LONGEST.days} days, found {lasts.days}",
                hint="make a new one in time: two tokens of one name may live side by side",
            )
        if not (scope.names and scope.stages and scope.verbs):
            raise UsageError("expected a name pattern, a stage and a verb at least, found none")
        token_id, secret = text.new_token()
        token = ServiceToken(
            id=token_id,
            name=check_proven(name),
            digest=text.digest(secret),
            scope=scope,
            created_by=act.actor,
            created_ms=act.at_ms,
            expires_ms=act.at_ms + int(lasts.total_seconds() * 1000),
        )
        with transaction(self.engine) as connection:
            token_rows.add(connection, token)
            data = {
                "token": token_id,
                "names": list(scope.names),
                "stages": list(scope.stages),
                "verbs": list(scope.verbs),
                "expires_ms": token.expires_ms,
                **({"recovered_because": recovering} if recovering else {}),
            }
            events.record(connection, "service_token.created", act, name=name, data=data)
        return token, secret

    def every(self) -> Sequence[ServiceToken]:
        """Return all tokens, oldest first."""
        with reading(self.engine) as connection:
            return token_rows.every(connection)

    def named(self, which: str) -> Sequence[ServiceToken]:
        """Return the token of an id, or the tokens of a name.

        Raises:
            NoSuchTokenError: there is none.
        """
        found = [token for token in self.every() if which in {token.id, token.name}]
        if not found:
            raise NoSuchTokenError(
                f"expected the id or the name of a service token, found {which[:60]!r}",
                hint="acgs token list",
            )
        return found

    def revoke(
        self, which: str, actor: str, at: datetime, *, recovering: str = ""
    ) -> Sequence[ServiceToken]:
        """End the token of an id, or all of a name, at once; return those that had not ended.

        `recovering` is as in `create`.

        Raises:
            NoSuchTokenError: there is none.
        """
        at_ms = to_millis(at)
        ended = []
        asked = self.named(which)
        with transaction(self.engine) as connection:
            for token in asked:
                if token_rows.revoke(connection, token.id, actor, at_ms):
                    ended.append(token)
                    events.record(
                        connection,
                        "service_token.revoked",
                        Act(actor, at_ms),
                        name=token.name,
                        data={
                            "token": token.id,
                            **({"recovered_because": recovering} if recovering else {}),
                        },
                    )
        return ended

    def check(self, secret: str, at: datetime) -> ServiceToken:
        """Return the token of a text.

        Raises:
            TokenUnknownError, TokenRevokedError, TokenOverError: it does not hold.
        """
        token_id = text.token_id(secret)
        found = None
        if token_id is not None:
            with reading(self.engine) as connection:
                found = token_rows.find(connection, token_id)
        # Compared even without a token, so that the time does not tell which ids there are.
        known = found.digest if found else text.digest("")
        if not hmac.compare_digest(known, text.digest(secret)) or found is None:
            raise TokenUnknownError(
                "expected a service token of this server, found another",
                hint="acgs token create makes one",
            )
        now_ms = to_millis(at)
        match found.state(now_ms):
            case TokenState.REVOKED:
                raise TokenRevokedError(
                    f"expected a live service token, found that {found.name}'s was revoked",
                    hint="acgs token create makes another",
                )
            case TokenState.EXPIRED:
                raise TokenOverError(
                    f"expected a live service token, found that {found.name}'s has expired",
                    hint="acgs token create makes another",
                )
            case TokenState.LIVE:
                self._note_use(found, now_ms)
                return found

    def _note_use(self, token: ServiceToken, now_ms: int) -> None:
        if token.last_used_ms is not None and now_ms - token.last_used_ms < USE_NOTED_MS:
            return
        try:
            with transaction(self.engine) as connection:
                token_rows.note_use(connection, token.id, now_ms)
        except PlatformError as err:
            # A read must not fail because somebody else writes.
            _logger.warning("the use of a service token was not noted: %s", err.message)


def open_tokens(settings: Settings) -> Tokens:
    """Return the tokens of this installation; connects at the first use."""
    return Tokens(open_engine(settings.sqlalchemy_url))
