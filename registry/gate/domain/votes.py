"""Defines ballots: who approved or rejected what, by the digests that they were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from infra.identity.principal import Principal, actor_key
from registry.domain.canonical import bytes_digest, digest
from registry.domain.reasons import Reason
from registry.gate.domain.delegation import Delegation


@dataclass(frozen=True, slots=True)
class Shown:
    """What an approval is about, by digest.

    Attributes:
        artifact: of the version's files.
        constitution: of the constitution in force.
        evidence: of the evidence in force for the name.
        verdict: of the scorecard; None before there is one.
        plan: of the endpoint's rollout plan; None where no endpoint is concerned.
    """

    artifact: str
    constitution: str
    evidence: str
    verdict: str | None
    plan: str | None = None

    @property
    def digest(self) -> str:
        """One digest of all of them."""
        return digest(asdict(self))

    def change_to(self, now: Shown) -> str | None:
        """Return what is another now, in words; None if nothing is."""
        for what, before, after in (
            ("files", self.artifact, now.artifact),
            ("constitution", self.constitution, now.constitution),
            ("evidence", self.evidence, now.evidence),
            ("verdict", self.verdict, now.verdict),
            ("rollout plan", self.plan, now.plan),
        ):
            if before != after:
                return f"the {what} changed since"
        return None


@dataclass(frozen=True, slots=True)
class Screen:
    """What a voter had before them.

    Attributes:
        facts: canonical JSON.
        page: the same for people to read, in HTML; it names the digest of the facts.
        confirmed: whether the voter named the page's digest. False for a vote by a command or a
            program that named none: then it is what the server would have shown at that moment.
        shown: digest of what there is to approve, as the facts have it; empty where they lack it.
    """

    facts: bytes
    page: bytes
    confirmed: bool = False
    shown: str = ""

    @property
    def digests(self) -> ScreenDigests:
        """The digests by which both are kept."""
        return ScreenDigests(bytes_digest(self.facts), bytes_digest(self.page), self.confirmed)


@dataclass(frozen=True, slots=True)
class ScreenDigests:
    """Names a screen by the digests of its facts and of its page."""

    facts: str
    page: str
    confirmed: bool


class End(StrEnum):
    """How an approval ended before its request did."""

    WITHDRAWN = "withdrawn"
    VOID = "void"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Ending:
    """Says how and why an approval ended."""

    kind: End
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}"


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's vote on one request.

    Attributes:
        shown: what the person was shown; None for votes of releases that did not keep it.
        given_ms: when.
        principal: who votes; None where only the actor's name is known.
        delegation: by which the vote is somebody else's; None for the voter's own.
        ended: how it ended; None while it stands.
        reminded: whether people were reminded that it will expire.
        id: 0 before it is stored.
        screen: what the voter had before them; None for votes of releases that did not keep it.
    """

    actor: str
    approved: bool
    comment: str
    shown: Shown | None
    given_ms: int
    principal: Principal | None = None
    delegation: Delegation | None = None
    ended: Ending | None = None
    reminded: bool = False
    id: int = 0
    screen: ScreenDigests | None = None

    @property
    def voter(self) -> str:
        """The key by which a person counts once, however and wherever they write their name."""
        return self.principal.key if self.principal else actor_key(self.actor)

    @property
    def owner(self) -> str:
        """The key of whose vote it is: the voter, or who lent it."""
        return self.delegation.lender.key if self.delegation else self.voter

    @property
    def who(self) -> str:
        """The voter for people to read: `bob`, or `bob for alice`."""
        name = self.principal.name if self.principal else self.actor
        return f"{name} for {self.delegation.lender.name}" if self.delegation else name


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
        if not ballot.approved and ballot.ended is None
    )
