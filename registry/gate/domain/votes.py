"""Counts the votes on a request: whose approvals are missing, and who rejects it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.identity.principal import actor_key
from registry.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's vote on one request.

    Attributes:
        manifest_digest: of the files that the person was shown.
        key: of the voter's name, where the vote says more than the actor.
    """

    actor: str
    approved: bool
    comment: str
    manifest_digest: str
    key: str = ""

    @property
    def voter(self) -> str:
        """The key by which a person counts once, however and wherever they write their name."""
        return self.key or actor_key(self.actor)


def missing(ballots: Sequence[Ballot], needed: int, manifest_digest: str | None) -> int:
    """Return how many approvals are missing; none where it is zero or less.

    A person counts once, and an approval counts for the files that it was given to only.
    """
    given = {b.voter for b in ballots if b.approved and b.manifest_digest == manifest_digest}
    return needed - len(given)


def own_part(ballot: Ballot, asker: str, author: str | None) -> str | None:
    """Return what a voter has done for the version that keeps the approval from counting.

    Args:
        ballot: an approval.
        asker: actor who asked for the move.
        author: actor who registered the version; None where nobody knows.

    Returns:
        "asked for it" or "registered it"; None for a voter who did neither.
    """
    if ballot.voter == actor_key(asker):
        return "asked for it"
    if author is not None and ballot.voter == actor_key(author):
        return "registered it"
    return None


def rejections(ballots: Sequence[Ballot]) -> tuple[Reason, ...]:
    """Return a reason to refuse for each vote against the request: one is enough."""
    return tuple(
        Reason(
            rule="approval.rejected",
            expected="no rejection",
            found=f"{ballot.actor} rejected it: {ballot.comment or 'no comment'}",
            fix=f"settle it with {ballot.actor}, then ask again",
        )
        for ballot in ballots
        if not ballot.approved
    )
