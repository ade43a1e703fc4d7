"""Says by which roles somebody could vote: from the document of roles that was in force then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.identity.principal import Kind, Principal
from registry.access.domain.rules import Grant, Grantee, Role, Roles
from registry.access.domain.verbs import Verb
from registry.domain.values import Stage
from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import Request
from registry.dossier.domain.json_values import NOT_RECORDED, items, text
from registry.dossier.domain.logged_event import LoggedEvent


def roles_held(
    vote: LoggedEvent, request: Request, adopted: Sequence[LoggedEvent], documents: Documents
) -> object:
    """Return the roles by which a voter could approve the request.

    Args:
        vote: the event.
        request: that it is about.
        adopted: events of the roles that were put in force, oldest first.
        documents: the roles by their digests.

    Returns:
        The roles, "none", or that it is not recorded: no roles were in force, or it is not known
        who the voter was.
    """
    said = vote.data.get("role") or vote.data.get("roles")
    if said:
        return said
    before = [event for event in adopted if event.sequence < vote.sequence]
    document = documents.of(before[-1].data.get("digest")) if before else {}
    created = request.created
    if not document or not vote.principal or created is None:
        return NOT_RECORDED
    name = text(created.data.get("judged_as")) or created.name
    stage = Stage.parse(text(created.data.get("target")))
    held = _roles(document).roles_of(_principal(vote.principal), Verb.APPROVE, name, stage)
    return list(held) or "none"


def _principal(facts: Mapping[str, object]) -> Principal:
    groups = facts.get("groups")
    is_service = facts.get("kind") == Kind.SERVICE.value
    return Principal(
        text(facts.get("name")),
        Kind.SERVICE if is_service else Kind.PERSON,
        tuple(map(str, groups)) if isinstance(groups, list) else (),
    )


def _roles(document: Mapping[str, object]) -> Roles:
    """Return what a document gives, as far as it is about approving; it was valid when adopted."""
    approving = {
        text(role.get("id"))
        for role in items(document.get("roles"))
        if Verb.APPROVE.value in _texts(role.get("may"))
    }
    return Roles(
        tuple(
            Grant(
                Role(text(grant.get("role")), frozenset({Verb.APPROVE})),
                tuple(map(Grantee.read, _texts(grant.get("to")))),
                _texts(grant.get("names")) or ("*",),
                frozenset(map(Stage, _texts(grant.get("stages")))),
            )
            for grant in items(document.get("grants"))
            if text(grant.get("role")) in approving
        )
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
