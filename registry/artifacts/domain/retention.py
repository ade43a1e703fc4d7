"""Decides which versions' files may be freed: facts in, decisions with reasons out.

A version's files may go when nothing needs them, nothing has for the whole of the retention, and
no version that is needed keeps its files in the same place. Everything that is not known to be
free is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.files.domain.storage_place import ancestors

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RetentionFacts:
    """What is known of one version.

    Attributes:
        place: where its files really lie, in the one spelling; None when unknown.
        reachable: the platform can delete files there.
        governed: its name is governed; others belong to plain MLflow.
        needed_ms: when it last was needed: registered, deleted, or gave up its last place.
        serves: it is the stable version of an endpoint, or has traffic now.
        rollback_target: an endpoint or model would go back to it.
        stage: governed stage that it is in, or "".
        aliases: every alias that names it.
        legal_hold: why a person holds it, or "".
        open_requests, active_rollouts: numbers.
    """

    uid: str
    ref: str
    place: str | None
    needed_ms: int
    reachable: bool = True
    governed: bool = True
    serves: bool = False
    rollback_target: bool = False
    stage: str = ""
    aliases: tuple[str, ...] = ()
    legal_hold: str = ""
    open_requests: tuple[int, ...] = ()
    active_rollouts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderClaim:
    """A folder that is kept whole, because its version's files were never listed."""

    ref: str
    place: str


@dataclass(frozen=True, slots=True)
class RetentionDecision:
    """Says whether a version's files may be freed.

    Attributes:
        free: they may.
        reasons: why not; or, when they may, the proof: each protection that was looked for.
    """

    uid: str
    ref: str
    free: bool
    reasons: tuple[str, ...]


def decide(
    everything: Sequence[RetentionFacts],
    now_ms: int,
    retention_days: int,
    claims: Sequence[FolderClaim] = (),
) -> list[RetentionDecision]:
    """Decide for every version that keeps files, in the given order.

    Args:
        everything: every version whose files are kept; one that is left out protects nothing.
        now_ms: now.
        retention_days: how long unneeded files are kept, >= 1.
        claims: folders that are kept for others.
    """
    before_ms = now_ms - retention_days * DAY_MS
    own = {facts.uid: protections(facts, before_ms, now_ms) for facts in everything}
    shared = _shared(everything, own, claims)
    decisions = []
    for facts in everything:
        reasons = own[facts.uid] or tuple(
            f"its files lie with those of {ref}, which are kept"
            for ref in shared.get(facts.uid, ())
        )
        days = (now_ms - facts.needed_ms) // DAY_MS
        proof = reasons or (
            f"not needed for {days} days, more than {retention_days}",
            "serves nowhere, and no rollback would return to it",
            "in no governed stage, named by no alias, in no open request and no active rollout",
            "under no legal hold, and no version that is kept has its files there",
        )
        decisions.append(RetentionDecision(facts.uid, facts.ref, not reasons, proof))
    return decisions


def protections(facts: RetentionFacts, before_ms: int, now_ms: int) -> tuple[str, ...]:
    """Return what protects a version by itself; empty when nothing does."""
    found = []
    if not facts.governed:
        found.append("nothing governs its name")
    if facts.place is None:
        found.append("where its files lie is not known")
    elif not facts.reachable:
        found.append("the platform cannot delete files where its own lie")
    if facts.serves:
        found.append("it serves")
    if facts.rollback_target:
        found.append("a rollback would return to it")
    if facts.stage:
        found.append(f"it is in {facts.stage}")
    if facts.aliases:
        found.append(f"it is named {', '.join(facts.aliases)}")
    if facts.legal_hold:
        found.append(f"legal hold: {facts.legal_hold}")
    if facts.open_requests:
        found.append(f"request {', '.join(map(str, facts.open_requests))} is open")
    if facts.active_rollouts:
        found.append(f"rollout {', '.join(map(str, facts.active_rollouts))} is under way")
    if facts.needed_ms > before_ms:
        days = max(now_ms - facts.needed_ms, 0) // DAY_MS
        found.append(f"it was needed {days} days ago")
    return tuple(found)


def _shared(
    everything: Iterable[RetentionFacts],
    own: Mapping[str, tuple[str, ...]],
    claims: Iterable[FolderClaim],
) -> Mapping[str, list[str]]:
    """Return, for each version, the kept versions with files at, below or around its own.

    What is kept for another's sake keeps others in its turn: no version loses half its files.
    """
    free = [facts for facts in everything if facts.place is not None and not own[facts.uid]]
    at, around = _index(FolderClaim(facts.ref, str(facts.place)) for facts in free)
    waiting = {claim.place: claim for claim in claims}
    waiting |= {f.place: FolderClaim(f.ref, f.place) for f in everything if own[f.uid] and f.place}
    first, done = set(waiting), set[str]()
    touched: dict[str, set[str]] = defaultdict(set)
    while waiting:
        place, claim = waiting.popitem()
        done.add(place)
        touching = [*around.get(place, ()), *(c for f in ancestors(place) for c in at.get(f, ()))]
        for other in touching:
            if other.place != place or place in first:
                touched[other.place].add(claim.ref)
            if other.place not in done:
                waiting.setdefault(other.place, other)
    return {facts.uid: sorted(touched[str(facts.place)]) for facts in free}


def _index(
    claims: Iterable[FolderClaim],
) -> tuple[Mapping[str, list[FolderClaim]], Mapping[str, list[FolderClaim]]]:
    """Index claims by their location, and by each folder that contains them."""
    at: dict[str, list[FolderClaim]] = defaultdict(list)
    around: dict[str, list[FolderClaim]] = defaultdict(list)
    for claim in claims:
        at[claim.place].append(claim)
        for folder in ancestors(claim.place):
            around[folder].append(claim)
    return at, around
