"""Reports a rollout's progress: as events, as measurements and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from serving.domain.analysis import Judgement
from serving.domain.plan import RolloutPlan
from serving.domain.state import Phase, RolloutState


def material(state: RolloutState) -> tuple[object, ...]:
    """Return the part of a state whose change must not be lost."""
    return (
        state.phase,
        state.step,
        state.weight_percent,
        state.step_since,
        state.order,
        state.paused_because,
        state.reasons,
        state.smoked,
        state.slow_ms,
    )


def event_of(
    plan: RolloutPlan, before: RolloutState, after: RolloutState
) -> tuple[str, dict[str, object]] | None:
    """Return the event that records a change, or None if there is nothing to record."""
    if after.phase is not before.phase and after.phase is Phase.PAUSED:
        return "rollout.paused", {"because": after.paused_because}
    if after.phase is not before.phase and after.phase is Phase.ROLLING_BACK:
        return "rollout.rolling_back", {"reasons": [asdict(r) for r in after.reasons]}
    if before.phase is Phase.PAUSED and after.phase is Phase.PROGRESSING:
        return "rollout.resumed", {"weight_percent": after.weight_percent}
    if (after.step, after.weight_percent) != (before.step, before.weight_percent):
        return "rollout.step", {
            "step": after.step + 1,
            "steps": len(plan.steps),
            "weight_percent": after.weight_percent,
            "strategy": plan.strategy.value,
        }
    return None


def measurement_of(state: RolloutState, judged: Sequence[Judgement]) -> dict[str, object]:
    """Return what is known now, as JSON values."""
    return {
        "phase": state.phase.value,
        "step": state.step + 1,
        "weight_percent": state.weight_percent,
        "step_requests": state.step_requests,
        "slow_ms": state.slow_ms,
        "metrics": metrics_of(judged),
    }


def metrics_of(judged: Sequence[Judgement]) -> list[dict[str, object]]:
    """Return each metric's evidence, as JSON values.

    `e_worse` reaching `e_needed` rolls back; `increase_at_most` below `margin` lets a step pass.
    """
    return [
        {
            "name": j.metric.name.value,
            "candidate": {"requests": j.evidence.candidate.total, "bad": j.evidence.candidate.bad},
            "stable": {"requests": j.evidence.stable.total, "bad": j.evidence.stable.bad},
            "e_worse": round(j.e_worse, 6),
            "e_needed": round(j.e_needed, 3),
            "worse": j.worse,
            "increase_at_most": j.increase_at_most,
            "margin": j.metric.margin,
            "within": j.within,
        }
        for j in judged
    ]
