"""Reads the roles in force, asks them, and puts others in force."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from infra.identity.principal import NOBODY, Principal
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from infra.stores.db import reading, transaction
from registry.access.adapters import access_rows
from registry.access.adapters.access_rows import Adopted
from registry.access.domain.rules import Denial, Roles, lockout
from registry.access.domain.verbs import MEANINGS, Verb
from registry.access.errors import AccessDeniedError, AccessInvalidError, AccessUnsetError
from registry.access.scopes import require_covered
from registry.domain import canonical
from registry.domain.records import Act
from registry.domain.values import Stage
from registry.governance.service import GovernedNames

LOOKED_SECONDS = 1.0
"""For how long what one read of the database found is used: a change counts within a second."""


@dataclass(slots=True)
class _Seen:
    id: int | None = None
    roles: Roles | None = None
    at_seconds: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Access:
    """Says who may do what.

    While no document is in force, an open server, whose names are claims, lets everybody do
    everything, and any other lets nobody change what is governed.
    """

    engine: Engine
    settings: Settings
    governance: GovernedNames
    _seen: _Seen = field(default_factory=_Seen, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def require(
        self,
        principal: Principal,
        verb: Verb,
        name: str | None = None,
        stage: Stage | None = None,
    ) -> None:
        """Refuse what a principal may not do.

        What is done to a name that is not governed is not the roles' matter; a service token's
        limits count for every name.

        Raises:
            OutOfScopeError: a service token does not cover it.
            AccessDeniedError: the roles in force do not allow it.
            AccessUnsetError: callers are known, but no roles are in force.
        """
        denial = self.denial(principal, verb, name, stage)
        if denial is not None:
            raise AccessDeniedError(denial)

    def denial(
        self,
        principal: Principal,
        verb: Verb,
        name: str | None = None,
        stage: Stage | None = None,
    ) -> Denial | None:
        """Return why a principal may not do something; None if it may.

        Raises:
            AccessUnsetError: callers are known, but no roles are in force.
        """
        require_covered(principal, verb, name, stage)
        who = self._believed(principal)
        roles = self.current()
        if roles is None and (self.is_open or verb is Verb.READ):
            return None
        if name is not None and verb.has_name and not self.governance.current().governs(name):
            return None
        if roles is not None:
            return roles.denial(who, verb, name, stage)
        raise AccessUnsetError(
            f"expected roles in force, found none: nobody may {verb} ({MEANINGS[verb]}) until "
            "there are",
            hint="on the server's machine: acgs access template >access.yaml; edit it; "
            "acgs access adopt access.yaml",
        )

    def _believed(self, principal: Principal) -> Principal:
        """Return the principal, or nobody for a claim where names are proven."""
        return principal if self.is_open or principal.source.is_proven else NOBODY

    @property
    def is_open(self) -> bool:
        """Whether names are claims."""
        return self.settings.of(IdentitySettings).is_open

    def current(self) -> Roles | None:
        """Return the roles in force; None before the first.

        Raises:
            AccessInvalidError: the document in force is not valid for this version.
        """
        with self._lock:
            if time.monotonic() - self._seen.at_seconds < LOOKED_SECONDS:
                return self._seen.roles
            with reading(self.engine) as connection:
                found = access_rows.newest_id(connection)
                if found != self._seen.id:
                    adopted = access_rows.newest(connection)
                    self._seen.roles = _roles(adopted) if adopted else None
                    self._seen.id = adopted.id if adopted else None
            self._seen.at_seconds = time.monotonic()
            return self._seen.roles

    def current_in(self, connection: Connection) -> Roles | None:
        """Return the roles in force as the caller's transaction sees them; None before the first.

        What is decided for good must not rest on the roles of a second ago.

        Raises:
            AccessInvalidError: the document in force is not valid for this version.
        """
        found = access_rows.newest_id(connection)
        # Not held while the database is asked: `current` waits for a connection with it.
        with self._lock:
            if found == self._seen.id:
                return self._seen.roles
        adopted = access_rows.newest(connection)
        return _roles(adopted) if adopted else None

    def adopted(self) -> Adopted | None:
        """Return the document in force; None before the first."""
        with reading(self.engine) as connection:
            return access_rows.newest(connection)

    def history(self) -> list[Adopted]:
        """Return every document that was put in force, newest first."""
        with reading(self.engine) as connection:
            return access_rows.history(connection)

    def adopt(
        self,
        document: dict[str, object],
        principal: Principal,
        act: Act,
        *,
        recovering: str = "",
        dry_run: bool = False,
    ) -> str:
        """Put a document in force, and return its digest; one that is in force stays.

        Args:
            document: plain values of the document.
            principal: who does it.
            act: the same and when, as the audit trail names it.
            recovering: why somebody with access to the database goes round the roles in force;
                empty for who does not.
            dry_run: check everything, change nothing.

        Raises:
            AccessInvalidError: it is not valid, or nobody could change it again.
            AccessDeniedError: the roles in force do not let the principal do that.
            AccessUnsetError: none are in force, and the principal asks from elsewhere.
        """
        roles = _parsed(document, "the document")
        why = lockout(roles, principal)
        if why is not None:
            raise AccessInvalidError(
                f"expected roles that somebody can change again, found {why}",
                hint="give a role that may change-access to person:YOUR-NAME, for names ['*']",
            )
        digest = canonical.digest(document)
        if not recovering:
            self.require(principal, Verb.CHANGE_ACCESS)
        with transaction(self.engine) as connection:
            access_rows.lock(connection)
            before = access_rows.newest(connection)
            if before is not None and not recovering:
                denial = _roles(before).denial(self._believed(principal), Verb.CHANGE_ACCESS)
                if denial is not None:
                    raise AccessDeniedError(denial)
            if dry_run or (before is not None and before.digest == digest):
                return digest
            access_rows.adopt(connection, digest, document, act, recovering)
        with self._lock:
            self._seen.at_seconds = float("-inf")
        return digest


def _roles(adopted: Adopted) -> Roles:
    return _parsed(adopted.document, f"the roles in force, {adopted.digest}")


def _parsed(document: object, where: str) -> Roles:
    # Loads pydantic, which light processes never need.
    from registry.access.document import parse

    return parse(document, where)
