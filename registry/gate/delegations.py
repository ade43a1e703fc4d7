"""Lends votes: a person lets another vote in their role, for some names, until a date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from infra.clock import moment, to_millis
from infra.errors import UsageError
from infra.identity.current import Caller
from infra.identity.principal import Kind, name_key
from infra.stores.db import reading, transaction
from registry.access.service import Access
from registry.domain.records import Act
from registry.domain.values import Enforcement
from registry.gate.adapters import delegation_rows
from registry.gate.domain.delegation import Delegation
from registry.gate.errors import DelegationRefusedError
from registry.governance.domain.governance import Pattern

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a lender wants to lend: see `Delegation`."""

    deputy: str
    names: tuple[str, ...]
    role: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Delegations:
    """Lends votes and takes them back."""

    engine: Engine
    access: Access

    def lend(
        self, caller: Caller, wish: Wish, at: datetime, *, dry_run: bool = False
    ) -> Delegation:
        """Lend the caller's vote.

        Raises:
            UsageError: the wish is not one.
            DelegationRefusedError: the caller has no vote to lend, or not in that role.
        """
        lent = _checked(caller, wish, at)
        roles = self.access.current()
        held = roles.approving(caller.principal) if roles else ()
        if not held or (wish.role and wish.role not in held):
            what = f"the role {wish.role}" if wish.role else "a role that may approve"
            raise DelegationRefusedError(
                f"expected {what} to lend, found that {caller.principal.name} has "
                f"{', '.join(held) or 'none'}",
                hint="acgs access show says who has which role",
            )
        if dry_run:
            return lent
        with transaction(self.engine) as connection:
            number = delegation_rows.add(connection, lent, Act(caller.actor, lent.created_ms))
        return replace(lent, id=number)

    def revoke(
        self, caller: Caller, delegation_id: int, at: datetime, *, dry_run: bool = False
    ) -> Delegation:
        """Take a lent vote back: what was given by it on open requests is void.

        Raises:
            DelegationRefusedError: the caller lent no vote of this number.
        """
        with transaction(self.engine) as connection:
            lent = delegation_rows.find(connection, delegation_id)
            if lent is None or lent.lender.key != caller.principal.key:
                raise DelegationRefusedError(
                    f"expected a vote of number {delegation_id} that {caller.principal.name} "
                    "lent, found none",
                    hint="acgs delegation list",
                )
            if not dry_run:
                act = Act(caller.actor, to_millis(at))
                delegation_rows.revoke(connection, lent, act)
                lent = replace(lent, revoked_ms=lent.revoked_ms or act.at_ms)
        return lent

    def every(self) -> Sequence[Delegation]:
        """Return every delegation, newest first, with those that have ended."""
        with reading(self.engine) as connection:
            return delegation_rows.every(connection)


def _checked(caller: Caller, wish: Wish, at: datetime) -> Delegation:
    who = caller.principal
    if who.kind is not Kind.PERSON or not who.is_named:
        raise DelegationRefusedError(
            f"expected a person who lends a vote, found the {who.kind} {who.name}",
            hint="only people lend votes, and to people",
        )
    deputy = name_key(wish.deputy)
    if not deputy or deputy == who.key:
        raise UsageError(f"expected the name of another person, found {wish.deputy[:80]!r}")
    if not wish.names:
        raise UsageError("expected patterns of model names, found none", hint="--name 'credit-*'")
    for name in wish.names:
        try:
            Pattern(name, Enforcement.ENFORCE)
        except ValueError as err:
            raise UsageError(str(err)) from err
    if not at < wish.until <= at + LONGEST:
        raise UsageError(
            f"expected an end after now and within {LONGEST.days} days, found "
            f"{moment(to_millis(wish.until))}"
        )
    return Delegation(
        0, who, wish.deputy, deputy, wish.role, wish.names, to_millis(at), to_millis(wish.until)
    )
