"""Keeps whose permissions limit a subscription, as JSON and as a principal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.identity.principal import Kind, Principal, Scope, Source


def owner_facts(owner: Principal) -> dict[str, Any]:
    """Return an owner as JSON, with the limits of the service token that made the subscription."""
    scope = owner.scope
    limits = {"names": scope.names, "stages": scope.stages, "verbs": scope.verbs} if scope else None
    kept = {key: list(value) for key, value in limits.items()} if limits else None
    return {**owner.facts(), "scope": kept}


def owner_of(facts: Mapping[str, Any] | None) -> Principal | None:
    """Return the owner that `owner_facts` wrote; None for the platform itself."""
    if facts is None:
        return None
    limits = facts.get("scope")
    return Principal(
        facts["name"],
        Kind(facts["kind"]),
        tuple(facts["groups"]),
        Source(facts["source"]),
        Scope(*(tuple(limits[part]) for part in ("names", "stages", "verbs"))) if limits else None,
    )
