"""Decides whether a request may be granted: values in, decision out."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.reasons import Reason
from registry.domain.values import Enforcement, RequestKind, Stage, Standing
from registry.gate.domain import votes
from registry.gate.domain.judged import JudgedScorecard
from registry.gate.domain.tally import Electorate, Tally, count
from registry.gate.domain.votes import Ballot, Shown
from registry.governance.domain.approval_rules import reminder_ms


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The current state of the world, beside what was judged.

    Attributes:
        request_manifest_digest: digest when the request was made.
        manifest_digest: digest of the files now; None when they cannot be read.
        constitution_digest: the constitution in force now.
        evidence_digest: the evidence binding in force now; None when there is none.
        enforcement: how strictly the name is governed now.
        from_stage: stage when the request was made.
        current_stage: stage now; None when the version was deleted.
        ballots: every vote, oldest first, with those that ended.
        electorate: who may approve it, as of now.
        created_ms: when it was asked.
        plan_digest: of the rollout plan that a grant would follow; None where it follows none.
        served_before: this version, with this digest, has been Production before.
        rollout_in_progress: its endpoint is in the middle of another rollout.
        standing: whether it is deprecated or yanked now.
        standing_reason: why.
        prerelease: its semantic version where it is a pre-release, else None.
        unusable: why its files may not be used, regardless of their content; empty when they may.
    """

    kind: RequestKind
    target: Stage
    request_manifest_digest: str
    manifest_digest: str | None
    constitution_digest: str
    evidence_digest: str | None
    enforcement: Enforcement
    from_stage: Stage
    current_stage: Stage | None
    scorecard: JudgedScorecard | None
    ballots: tuple[Ballot, ...]
    electorate: Electorate
    created_ms: int
    plan_digest: str | None = None
    served_before: bool = False
    rollout_in_progress: bool = False
    standing: Standing = Standing.ACTIVE
    standing_reason: str | None = None
    prerelease: str | None = None
    unusable: tuple[Reason, ...] = ()

    @property
    def shown(self) -> Shown:
        """What there is to be approved now."""
        return Shown(
            artifact=self.manifest_digest or "",
            constitution=self.constitution_digest,
            evidence=self.evidence_digest or "",
            verdict=self.scorecard.digest if self.scorecard else None,
            plan=self.plan_digest,
        )

    @property
    def tally(self) -> Tally:
        """The approvals, counted."""
        at_least = self.scorecard.approvals_needed if self.scorecard else 0
        return count(self.ballots, self.shown, self.electorate, at_least)

    @property
    def ends_ms(self) -> int | None:
        """When the request expires; None if it does not."""
        return self.electorate.rules.request_ends_ms(self.created_ms)

    def is_reminder_due(self) -> bool:
        """Return whether the request expires soon enough to say so."""
        ends_ms = self.ends_ms
        return ends_ms is not None and self.electorate.now_ms >= reminder_ms(
            self.created_ms, ends_ms
        )

    def expiring(self) -> tuple[tuple[Ballot, int], ...]:
        """Return the approvals that expire soon and that nobody was reminded of, with the end."""
        found = []
        for ballot in self.tally.standing:
            ends_ms = self.electorate.rules.approval_ends_ms(ballot.given_ms)
            if ends_ms is None or ballot.reminded:
                continue
            if self.electorate.now_ms >= reminder_ms(ballot.given_ms, ends_ms):
                found.append((ballot, ends_ms))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Pending:
    """Not decided yet.

    Attributes:
        waiting_for: what is missing, for people.
        machine: True while a machine is at work, so that waiting a little longer helps.
    """

    waiting_for: str
    machine: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """Allowed; `warnings` are failed rules that the enforcement mode lets through."""

    warnings: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Not allowed, for at least one reason."""

    reasons: tuple[Reason, ...]


Decision = Pending | Granted | Refused


def decide(facts: RequestFacts) -> Decision:
    """Decide a request. Fails closed: what is missing or stale is never a grant."""
    decision = _decide(facts)
    if isinstance(decision, Granted) and facts.standing is Standing.DEPRECATED:
        return Granted((*decision.warnings, _deprecated(facts)))
    return decision


def _decide(facts: RequestFacts) -> Decision:
    stale = _what_moved(facts)
    if stale:
        return Refused(stale)
    rejections = votes.rejections(facts.ballots)
    if rejections:
        return Refused(rejections)
    if facts.ends_ms is not None and facts.electorate.now_ms >= facts.ends_ms:
        return Refused((_expired(facts),))
    unfit = _unfit(facts)
    if unfit:
        return Refused(unfit)
    if facts.rollout_in_progress and facts.target is Stage.PRODUCTION:
        return Refused((_ROLLOUT_IN_PROGRESS,))
    if facts.served_before and facts.target is Stage.PRODUCTION:
        return Granted()
    if facts.enforcement is Enforcement.OBSERVE:
        return Granted()
    card = facts.scorecard
    if card is None:
        return Pending("the compliance score", machine=True)
    outdated = _outdated(facts, card)
    if outdated:
        return Refused(outdated)
    if not card.passed and facts.enforcement is Enforcement.ENFORCE:
        return Refused(card.reasons)
    tally = facts.tally
    if tally.missing:
        return Pending(tally.waiting_for(), machine=False)
    return Granted(warnings=() if card.passed else card.reasons)


_ROLLOUT_IN_PROGRESS = Reason(
    rule="rollout.in_progress",
    expected="an endpoint at rest",
    found="another version is being rolled out",
    fix="wait for it (acgs rollout list), then ask again",
)


def _expired(facts: RequestFacts) -> Reason:
    hours = facts.electorate.rules.request_expires_after_hours
    return Reason(
        "request.expired",
        f"a decision within {hours:g} hours",
        "none by then",
        "ask again, and have people approve it in time",
    )


def _unfit(facts: RequestFacts) -> tuple[Reason, ...]:
    """Say what keeps a version out regardless of its score: its owners' advice or its number.

    That is no matter of the constitution, so no enforcement mode lets it through.
    """
    reasons = []
    if facts.standing is Standing.YANKED:
        reasons.append(
            Reason(
                "version.yanked",
                "a version that is not yanked",
                f"yanked: {facts.standing_reason}",
                "ask for another version, or restore this one: acgs version restore NAME@VERSION",
            )
        )
    into_production = facts.kind is RequestKind.TRANSITION and facts.target is Stage.PRODUCTION
    if facts.prerelease and into_production:
        reasons.append(
            Reason(
                "version.prerelease",
                "a release",
                f"the pre-release {facts.prerelease}",
                "release the same files, then promote that: acgs version release NAME@VERSION",
            )
        )
    return tuple(reasons)


def _deprecated(facts: RequestFacts) -> Reason:
    return Reason(
        "version.deprecated",
        "a version that is not deprecated",
        f"deprecated: {facts.standing_reason}",
        "plan to move on to another version",
    )


def _what_moved(facts: RequestFacts) -> tuple[Reason, ...]:
    reasons = list(facts.unusable)
    if facts.current_stage is None:
        reasons.append(
            Reason("version.gone", "a registered version", "it was deleted", "register it again")
        )
    elif facts.current_stage is not facts.from_stage:
        reasons.append(
            Reason(
                "stage.changed",
                f"stage {facts.from_stage}, as when it was asked",
                f"stage {facts.current_stage}",
                "look at the version's history and ask again",
            )
        )
    if facts.manifest_digest is None:
        reasons.append(
            Reason(
                "artifact.unreadable",
                "readable artifact files",
                "they cannot be read",
                "restore the files or register a new version",
            )
        )
    elif facts.manifest_digest != facts.request_manifest_digest:
        reasons.append(
            Reason(
                "artifact.changed",
                f"digest {facts.request_manifest_digest}",
                f"digest {facts.manifest_digest}",
                "registered files are immutable: register the new files as a new version",
            )
        )
    return tuple(reasons)


def _outdated(facts: RequestFacts, card: JudgedScorecard) -> tuple[Reason, ...]:
    reasons = []
    if card.manifest_digest != facts.manifest_digest:
        reasons.append(
            Reason(
                "verdict.other_artifact",
                f"a verdict on {facts.manifest_digest}",
                f"a verdict on {card.manifest_digest}",
                "ask again; the new request scores the current files",
            )
        )
    if card.constitution_digest != facts.constitution_digest:
        reasons.append(
            Reason(
                "verdict.older_constitution",
                f"a verdict under {facts.constitution_digest}",
                f"a verdict under {card.constitution_digest}",
                "ask again: it will be scored under the constitution in force",
            )
        )
    if facts.evidence_digest is not None and card.evidence_digest != facts.evidence_digest:
        reasons.append(
            Reason(
                "verdict.other_evidence",
                f"a verdict on evidence {facts.evidence_digest}",
                f"a verdict on evidence {card.evidence_digest}",
                "ask again: it will be scored on the evidence in force",
            )
        )
    return tuple(reasons)
