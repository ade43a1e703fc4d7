"""Decides whether a principal may do something: values in, decision out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infra.identity.principal import Kind, Principal, name_key
from registry.access.domain.verbs import Verb
from registry.domain.values import Enforcement, Stage
from registry.governance.domain.governance import Pattern

EVERYBODY = "everybody"
"""Grantee that stands for each principal with a name."""


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom a role is given to: `person:alice`, `service:ci`, `group:risk` or `everybody`.

    Attributes:
        kind: `person`, `service` or `group`; `everybody` for each principal with a name.
        key: name as it is compared; empty for `everybody`.
        text: as written in the document.
    """

    kind: str
    key: str
    text: str

    @classmethod
    def read(cls, text: str) -> Grantee:
        """Return the grantee that a text names.

        Raises:
            ValueError: it names none.
        """
        if text == EVERYBODY:
            return cls(EVERYBODY, "", text)
        kind, colon, name = text.partition(":")
        if kind not in _KINDS or not colon or not name_key(name):
            raise ValueError(
                f"expected person:NAME, service:NAME, group:NAME or {EVERYBODY}, found {text!r}"
            )
        return cls(kind, name_key(name), text)

    def is_meant(self, principal: Principal) -> bool:
        """Return whether the principal is meant."""
        if not principal.is_named:
            return False
        if self.kind == EVERYBODY:
            return True
        if self.kind == "group":
            return any(name_key(group) == self.key for group in principal.groups)
        return self.kind == principal.kind.value and self.key == principal.key


_KINDS = frozenset({"group", *(kind.value for kind in Kind)})


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what it may do."""

    id: str
    may: frozenset[Verb]


@dataclass(frozen=True, slots=True)
class Grant:
    """Gives a role to somebody, for some names and stages.

    Attributes:
        names: patterns of model names; a verb of the whole platform needs `*` among them.
        stages: limits `ask` and `approve`; empty for every stage.
    """

    role: Role
    to: tuple[Grantee, ...]
    names: tuple[str, ...] = ("*",)
    stages: frozenset[Stage] = frozenset()

    def covers(self, verb: Verb, name: str | None, stage: Stage | None) -> bool:
        """Return whether the grant is about this act, whatever principal it is given to."""
        if verb not in self.role.may or not self._has_name(verb, name):
            return False
        return not (verb.has_stage and self.stages) or stage in self.stages

    def _has_name(self, verb: Verb, name: str | None) -> bool:
        if name is None or not verb.has_name:
            return "*" in self.names
        return any(Pattern(one, Enforcement.ENFORCE).matches(name) for one in self.names)


@dataclass(frozen=True, slots=True)
class Denial:
    """Says which permission is missing, and who can give it.

    Attributes:
        roles: that would allow it for this name and stage, in the document's order.
        givers: who may put roles in force, as the document writes them.
    """

    principal: Principal
    verb: Verb
    name: str | None
    stage: Stage | None
    roles: tuple[str, ...]
    givers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles in force."""

    grants: tuple[Grant, ...]

    def denial(
        self,
        principal: Principal,
        verb: Verb,
        name: str | None = None,
        stage: Stage | None = None,
    ) -> Denial | None:
        """Return why a principal may not do something; None if it may.

        Args:
            principal: who asks.
            verb: what for.
            name: of the model; None for a verb of the whole platform.
            stage: asked for, of a verb that has one.
        """
        if any(True for _ in self._given(principal, verb, name, stage)):
            return None
        possible = [grant.role.id for grant in self.grants if grant.covers(verb, name, stage)]
        return Denial(principal, verb, name, stage, _each_once(possible), self.givers())

    def roles_of(
        self, principal: Principal, verb: Verb, name: str | None, stage: Stage | None
    ) -> tuple[str, ...]:
        """Return the roles by which a principal may do something, in the document's order."""
        return _each_once(grant.role.id for grant in self._given(principal, verb, name, stage))

    def approving(self, principal: Principal) -> tuple[str, ...]:
        """Return the roles by which a principal may approve anything at all."""
        return _each_once(
            grant.role.id
            for grant in self.grants
            if Verb.APPROVE in grant.role.may and any(one.is_meant(principal) for one in grant.to)
        )

    def givers(self) -> tuple[str, ...]:
        """Return who may put roles in force, as the document writes them."""
        return _each_once(
            grantee.text
            for grant in self.grants
            if grant.covers(Verb.CHANGE_ACCESS, None, None)
            for grantee in grant.to
        )

    def _given(
        self, principal: Principal, verb: Verb, name: str | None, stage: Stage | None
    ) -> Iterator[Grant]:
        for grant in self.grants:
            if grant.covers(verb, name, stage) and any(one.is_meant(principal) for one in grant.to):
                yield grant


def _each_once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def lockout(roles: Roles, principal: Principal) -> str | None:
    """Return why nobody could change these roles again; None if somebody surely could.

    Whether anybody is in a group is known to its source alone. So a person must be named, or
    whoever puts the roles in force must be among those who may do it again.
    """
    may_change = [grant for grant in roles.grants if grant.covers(Verb.CHANGE_ACCESS, None, None)]
    if not may_change:
        return f"no grant for all names (*) of a role that may {Verb.CHANGE_ACCESS}"
    if any(one.kind == Kind.PERSON.value for grant in may_change for one in grant.to):
        return None
    if roles.denial(principal, Verb.CHANGE_ACCESS) is None and principal.kind is Kind.PERSON:
        return None
    return f"{', '.join(roles.givers())}: no person by name, and not {principal.name}"
