"""Reads who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.clock import moment
from infra.component import View
from infra.errors import UsageError
from infra.identity.principal import Kind, Principal, Source
from registry.access.domain.rules import Grant
from registry.access.domain.verbs import OF_ROLES, Verb
from registry.access.errors import AccessDeniedError, AccessUnsetError
from registry.domain.values import Stage

if TYPE_CHECKING:
    from registry.bootstrap import Registry

Asked = Mapping[str, str]


def views(registry: Registry) -> Mapping[str, View]:
    """Return the views of roles."""
    return {
        "access": lambda _asked: in_force(registry),
        "access_explain": lambda asked: explain(registry, asked),
        "access_history": lambda _asked: [asdict(one) for one in registry.access.history()],
    }


def in_force(registry: Registry) -> dict[str, Any]:
    """Return the roles in force; `digest` is None before the first."""
    adopted, roles = registry.access.adopted(), registry.access.current()
    is_open = registry.access.is_open
    if adopted is None or roles is None:
        meaning = (
            "no roles are in force: this server is open, so everybody may do everything"
            if is_open
            else "no roles are in force: nobody may change what is governed"
        )
        return {
            "digest": None,
            "actor": None,
            "since": None,
            "grants": [],
            "meaning": meaning,
            "needs_machine": not is_open,
        }
    return {
        "digest": adopted.digest,
        "actor": adopted.actor,
        "since": moment(adopted.since_ms),
        "grants": [_grant(one) for one in roles.grants],
        "meaning": "nothing is allowed to governed names but what a grant says",
        "needs_machine": False,
    }


def explain(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return whether somebody may do something, by which roles, or what is missing.

    Raises:
        UsageError: who, verb or stage are none.
    """
    principal, verb = _principal(asked), _verb(asked)
    name, stage = asked.get("name"), _stage(asked)
    if verb.has_name and name is None:
        raise UsageError(
            f"expected the name of a model, since {verb} is done to one, found none",
            hint=f"acgs access explain {asked.get('who')} {verb} NAME",
        )
    if verb.has_stage and stage is None:
        raise UsageError(
            f"expected a stage, since {verb} is about one, found none",
            hint="add --stage Production",
        )
    stage = stage if verb.has_stage else None
    try:
        registry.access.require(principal, verb, name, stage)
    except (AccessDeniedError, AccessUnsetError) as err:
        return {"allowed": False, "roles": [], "why": err.message, "fix": err.hint}
    roles = registry.access.current()
    by = roles.roles_of(principal, verb, name, stage) if roles else ()
    about = f" {name}" if name else ""
    why = f"as {', '.join(by)}" if by else _without_roles(registry, verb, name)
    return {
        "allowed": True,
        "roles": list(by),
        "why": f"{principal.name} may {verb}{about}: {why}",
        "fix": None,
    }


def _without_roles(registry: Registry, verb: Verb, name: str | None) -> str:
    if name and verb.has_name and not registry.governance.current().governs(name):
        return "the name is not governed"
    return "no roles are in force"


def _principal(asked: Asked) -> Principal:
    kind, colon, name = asked.get("who", "").partition(":")
    if kind not in set(Kind) or not colon or not name:
        raise UsageError(
            f"expected person:NAME or service:NAME, found {asked.get('who', '')[:80]!r}"
        )
    groups = tuple(filter(None, asked.get("groups", "").split("\n")))
    # As if the name were proven: what the roles say of it is asked, not who asks.
    return Principal(name, Kind(kind), groups, Source.BASIC_AUTH)


def _verb(asked: Asked) -> Verb:
    found = asked.get("verb", "")
    if found not in OF_ROLES:
        raise UsageError(f"expected one of {', '.join(OF_ROLES)}, found {found[:40]!r}")
    return Verb(found)


def _stage(asked: Asked) -> Stage | None:
    text = asked.get("stage")
    if text is None:
        return None
    found = Stage.parse(text)
    if found is None:
        raise UsageError(f"expected a stage, found {text[:40]!r}")
    return found


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "role": grant.role.id,
        "may": [verb.value for verb in Verb if verb in grant.role.may],
        "to": [one.text for one in grant.to],
        "names": list(grant.names),
        "stages": [stage.value for stage in Stage if stage in grant.stages],
    }
