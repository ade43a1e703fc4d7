"""A rollout's whole state, from which a restarted deployer goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import cast

from registry.domain.reasons import Reason
from serving.domain.analysis import Evidence, MetricName
from serving.domain.eprocess import Tally


class Phase(StrEnum):
    """The rollout's life; the last two are final, as is `succeeded`."""

    PENDING = "pending"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    PROMOTING = "promoting"
    SUCCEEDED = "succeeded"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


FINAL = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK})


class Order(StrEnum):
    """A person's order; obeyed at the next tick."""

    PROMOTE = "promote"
    ABORT = "abort"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Counters:
    """A gateway's running totals for one predictor.

    Attributes:
        epoch: names the gateway process that counts; another one starts from zero.
        requests, failures: answered requests; those that failed, or that this predictor failed
            and another had to answer.
        timed: requests in the latency histogram.
        buckets: (upper bound in ms, requests at or below it), rising.
    """

    epoch: str = ""
    requests: int = 0
    failures: int = 0
    timed: int = 0
    buckets: tuple[tuple[float, int], ...] = ()

    def slower_than(self, threshold_ms: float) -> int:
        """Return how many timed requests took longer."""
        at_most = [count for bound, count in self.buckets if bound <= threshold_ms]
        return self.timed - (at_most[-1] if at_most else 0)


@dataclass(frozen=True, slots=True)
class Mark:
    """The totals that have been counted already."""

    epoch: str = ""
    requests: int = 0
    failures: int = 0
    timed: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class RolloutState:
    """One rollout's progress.

    Attributes:
        step: index of the current step.
        weight_percent: the candidate's weight that is wanted.
        phase_since: when the phase began.
        step_since: when the current weight was read back from the gateway, or None before.
        step_requests: requests that the candidate answered at this step.
        slow_ms: what counts as slow, or None until the stable version's latency is known.
        proven: the candidate's stored files were those registered when the rollout began.
        rollback_reason, rollback_actor: why and for whom the registry opened this rollout as a way
        back, or took it back; "" otherwise.
        candidate_mark, stable_mark: counters that the evidence already holds.
    """

    phase: Phase = Phase.PENDING
    step: int = 0
    weight_percent: int = 0
    phase_since: datetime | None = None
    step_since: datetime | None = None
    step_requests: int = 0
    slow_ms: float | None = None
    proven: bool = False
    smoked: bool = False
    paused_because: str = ""
    order: Order | None = None
    rollback_reason: str = ""
    rollback_actor: str = ""
    reasons: tuple[Reason, ...] = ()
    candidate_mark: Mark | None = None
    stable_mark: Mark | None = None
    evidence: dict[MetricName, Evidence] = field(default_factory=dict, hash=False)

    def document(self) -> dict[str, object]:
        """Return the state as JSON values; `read` reads it back."""
        return {
            "phase": self.phase.value,
            "step": self.step,
            "weight_percent": self.weight_percent,
            "phase_since": self.phase_since.isoformat() if self.phase_since else None,
            "step_since": self.step_since.isoformat() if self.step_since else None,
            "step_requests": self.step_requests,
            "slow_ms": self.slow_ms,
            "proven": self.proven,
            "smoked": self.smoked,
            "paused_because": self.paused_because,
            "order": self.order.value if self.order else None,
            "rollback_reason": self.rollback_reason,
            "rollback_actor": self.rollback_actor,
            "reasons": [asdict(reason) for reason in self.reasons],
            "candidate_mark": asdict(self.candidate_mark) if self.candidate_mark else None,
            "stable_mark": asdict(self.stable_mark) if self.stable_mark else None,
            "evidence": {name.value: asdict(known) for name, known in self.evidence.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, object], phase: Phase | None = None) -> RolloutState:
        """Read what `document` wrote; an empty document is a rollout that has not begun.

        Args:
            document: JSON values.
            phase: the phase that the registry holds, which others may have moved; it wins.
        """
        order = document.get("order")
        evidence = cast(Mapping[str, Mapping[str, object]], document.get("evidence") or {})
        reasons = cast(list[Mapping[str, str]], document.get("reasons") or [])
        return cls(
            phase=phase or Phase(str(document.get("phase", Phase.PENDING.value))),
            step=cast(int, document.get("step", 0)),
            weight_percent=cast(int, document.get("weight_percent", 0)),
            phase_since=_time(document.get("phase_since")),
            step_since=_time(document.get("step_since")),
            step_requests=cast(int, document.get("step_requests", 0)),
            slow_ms=cast("float | None", document.get("slow_ms")),
            proven=bool(document.get("proven", False)),
            smoked=bool(document.get("smoked", False)),
            paused_because=str(document.get("paused_because", "")),
            order=Order(str(order)) if order else None,
            rollback_reason=str(document.get("rollback_reason") or ""),
            rollback_actor=str(document.get("rollback_actor") or ""),
            reasons=tuple(Reason(**reason) for reason in reasons),
            candidate_mark=_mark(document.get("candidate_mark")),
            stable_mark=_mark(document.get("stable_mark")),
            evidence={MetricName(name): _evidence(known) for name, known in evidence.items()},
        )


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _mark(value: object) -> Mark | None:
    return Mark(**cast("dict[str, int]", value)) if isinstance(value, dict) else None  # type: ignore[arg-type]


def _evidence(known: Mapping[str, object]) -> Evidence:
    def tally(name: str) -> Tally:
        return Tally(**cast("dict[str, int]", known[name]))

    def table(name: str) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(row) for row in cast("list[list[float]]", known[name]))

    return Evidence(
        candidate=tally("candidate"),
        stable=tally("stable"),
        history=tally("history"),
        open_candidate=tally("open_candidate"),
        open_stable=tally("open_stable"),
        worse=table("worse"),
        within=table("within"),
        kept=table("kept"),
    )
