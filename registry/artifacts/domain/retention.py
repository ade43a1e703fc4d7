"""Which versions' files may be freed: facts in, decisions with reasons out.

A version's files may go when nothing needs them, nothing has for the whole of the retention, and
no version that is needed keeps its files in the same place. Everything that is not known to be
free is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.domain.storage_place import ancestors

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one version.

    Attributes:
        place: where its files lie, in the one spelling; None when unknown.
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
    governed: bool = True
    serves: bool = False
    rollback_target: bool = False
    stage: str = ""
    aliases: tuple[str, ...] = ()
    legal_hold: str = ""
    open_requests: tuple[int, ...] = ()
    active_rollouts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether files may be freed.

    Attributes:
        free: they may.
        reasons: why not; or, when they may, the proof: each protection that was looked for.
    """

    uid: str
    ref: str
    free: bool
    reasons: tuple[str, ...]


def decide(everything: Sequence[Facts], now_ms: int, retention_days: int) -> list[Decision]:
    """Decide for all versions that keep files, in the order given.

    Args:
        everything: every version whose files are kept; one that is left out protects nothing.
        now_ms: now.
        retention_days: how long what nobody needs is kept, >= 1.
    """
    before_ms = now_ms - retention_days * DAY_MS
    own = {facts.uid: protections(facts, before_ms, now_ms) for facts in everything}
    shared = _shared(everything, own)
    decisions = []
    for facts in everything:
        reasons = own[facts.uid] or tuple(
            f"its files lie with those of {ref}, which are kept" for ref in shared[facts.uid]
        )
        days = (now_ms - facts.needed_ms) // DAY_MS
        proof = reasons or (
            f"not needed for {days} days, more than {retention_days}",
            "serves nowhere, and no rollback would return to it",
            "in no governed stage, named by no alias, in no open request and no active rollout",
            "under no legal hold, and no version that is kept has its files there",
        )
        decisions.append(Decision(facts.uid, facts.ref, not reasons, proof))
    return decisions


def protections(facts: Facts, before_ms: int, now_ms: int) -> tuple[str, ...]:
    """Say what protects a version by itself; empty when nothing does."""
    found = []
    if not facts.governed:
        found.append("nothing governs its name")
    if facts.place is None:
        found.append("where its files lie is not known")
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
    everything: Iterable[Facts], own: Mapping[str, tuple[str, ...]]
) -> Mapping[str, list[str]]:
    """Name, for each version, those protected ones whose files lie at, below or around its own."""
    at: dict[str, list[Facts]] = defaultdict(list)
    around: dict[str, list[Facts]] = defaultdict(list)
    kept = [facts for facts in everything if own[facts.uid] and facts.place is not None]
    for facts in kept:
        assert facts.place is not None
        at[facts.place].append(facts)
        for folder in ancestors(facts.place):
            around[folder].append(facts)
    found: dict[str, list[str]] = defaultdict(list)
    for facts in everything:
        if facts.place is None:
            continue
        touching = [*around[facts.place]]
        for folder in ancestors(facts.place):
            touching += at[folder]
        found[facts.uid] = sorted({other.ref for other in touching if other.uid != facts.uid})
    return found
