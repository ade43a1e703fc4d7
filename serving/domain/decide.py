"""Decides what a rollout does next, from what is observed now.

Pure: the same state, observation and time give the same answer, so a rollout can be replayed.
Every action may be repeated; a deployer killed at any line decides the same again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.reasons import Reason
from serving.domain.analysis import Judgement, Metric, MetricName, begin, judge, learn, metrics
from serving.domain.counting import counted, latency_threshold, mark_of
from serving.domain.plan import MAX_PERCENT, RolloutPlan, Strategy
from serving.domain.state import Counters, Order, Phase, RolloutState


@dataclass(frozen=True, slots=True)
class Observation:
    """What the controller observed at one tick.

    Attributes:
        has_stable: a version is serving that the candidate is to replace.
        ready: every model server of the candidate answers.
        failed: why the candidate cannot serve, or None.
        unusable: why the candidate must not serve: its files are damaged or were freed.
        weight_percent: the candidate's weight as read back from the gateway; None if unknown.
        candidate, stable: the gateway's running totals; None if it did not answer.
        detail: why the candidate is not ready, as far as known.
        files_away: whether the candidate is not ready because its stored files cannot be read.
        smoke: None before smoke predictions ran; then "" if they passed, else what went wrong.
    """

    has_stable: bool
    ready: bool
    failed: str | None = None
    unusable: tuple[Reason, ...] = ()
    weight_percent: int | None = None
    candidate: Counters | None = None
    stable: Counters | None = None
    smoke: str | None = None
    detail: str = ""
    files_away: bool = False


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Give the candidate this weight, and read it back."""

    candidate_percent: int


@dataclass(frozen=True, slots=True)
class Smoke:
    """Ask the candidate for predictions through the gateway, by header."""


@dataclass(frozen=True, slots=True)
class Promote:
    """Make the candidate the champion and the stable version; the rollout has succeeded."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """Return the candidate to its old stage; the stable version serves everything already."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Stay at this weight until a person decides; a rollback is still possible."""

    because: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet."""

    because: str


Action = SetWeights | Smoke | Promote | RollBack | Pause | Wait
_Next = tuple[RolloutState, tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state, what to do to get there, and what the metrics of that state say."""

    state: RolloutState
    actions: tuple[Action, ...]
    judgements: tuple[Judgement, ...]


def decide(plan: RolloutPlan, state: RolloutState, seen: Observation, now: datetime) -> Decision:
    """Return the next state and what to do to get there."""
    if state.phase_since is None:
        state = replace(state, phase_since=now)
    ending = seen.unusable or seen.failed is not None or state.order is Order.ABORT
    if state.phase in {Phase.PROGRESSING, Phase.PAUSED} and not ending:
        state = _learned(plan, state, seen)
        judged = judgements(plan, state)
        return Decision(*_moving(plan, state, seen, now, judged), judged)
    state, actions = _next(plan, state, seen, now)
    return Decision(state, actions, judgements(plan, state))


def _next(plan: RolloutPlan, state: RolloutState, seen: Observation, now: datetime) -> _Next:
    match state.phase:
        case Phase.SUCCEEDED | Phase.ROLLED_BACK:
            return state, ()
        case Phase.ROLLING_BACK:
            return _rolling_back(state, seen)
        case _ if seen.unusable:
            return _to_roll_back(state, seen, now, *seen.unusable)
        case _ if state.order is Order.ABORT:
            return _to_roll_back(state, seen, now, _aborted(state))
        case _ if seen.failed is not None:
            return _to_roll_back(state, seen, now, _cannot_serve(seen.failed))
        case Phase.PENDING:
            return _pending(plan, state, seen, now)
        case Phase.PROMOTING:
            return _promoting(state, seen)
    raise AssertionError(f"a rollout that is {state.phase} moves on by its evidence")


def judgements(plan: RolloutPlan, state: RolloutState) -> tuple[Judgement, ...]:
    """Return what each metric says, for people and for the decision."""
    return tuple(
        judge(metric, state.evidence[metric.name])
        for metric in metrics(plan.checks)
        if metric.name in state.evidence
    )


_ASK = "ask who took it back, then promote a version that answers the reason"


def _enter(state: RolloutState, phase: Phase, now: datetime, weight: int) -> RolloutState:
    return replace(
        state, phase=phase, phase_since=now, weight_percent=weight, order=None, step_since=None
    )


def _to_roll_back(state: RolloutState, seen: Observation, now: datetime, *reasons: Reason) -> _Next:
    state = replace(_enter(state, Phase.ROLLING_BACK, now, 0), reasons=state.reasons + reasons)
    return _rolling_back(state, seen)


def _rolling_back(state: RolloutState, seen: Observation) -> _Next:
    # Someone else (a person, through the registry) may have set this phase.
    reasons = state.reasons
    if not reasons:
        who = state.rollback_actor or "a person"
        by = f"{who} rolled it back: {state.rollback_reason or 'no reason given'}"
        reasons = (Reason("rollout.rolled_back_by_hand", "a finished rollout", by, _ASK),)
    state = replace(state, weight_percent=0, order=None, reasons=reasons)
    if seen.has_stable and seen.weight_percent != 0:
        return state, (SetWeights(0),)
    return state, (RollBack(state.reasons),)


def _promoting(state: RolloutState, seen: Observation) -> _Next:
    state = replace(state, weight_percent=MAX_PERCENT, order=None)
    if seen.weight_percent != MAX_PERCENT:
        return state, (SetWeights(MAX_PERCENT),)
    return state, (Promote(),)


def _pending(plan: RolloutPlan, state: RolloutState, seen: Observation, now: datetime) -> _Next:
    if not seen.ready:
        assert state.phase_since is not None
        if (now - state.phase_since).total_seconds() >= plan.ready_seconds:
            found = f"not ready after {plan.ready_seconds:g} s"
            if seen.detail:
                found += f"; {seen.detail}"
            why = _files_away(found) if seen.files_away else _cannot_serve(found)
            return _to_roll_back(state, seen, now, why)
        return state, (Wait("the candidate's model servers are starting"),)
    # A way back to a version that served before has shown its evidence then.
    at_once = plan.strategy is Strategy.IMMEDIATE or bool(state.rollback_reason)
    if not seen.has_stable or at_once or state.order is Order.PROMOTE:
        return _promoting(_enter(state, Phase.PROMOTING, now, MAX_PERCENT), seen)
    if plan.strategy is Strategy.BLUE_GREEN and not state.smoked:
        if seen.smoke is None:
            return state, (Smoke(),)
        if seen.smoke:
            return _to_roll_back(state, seen, now, _smoke_failed(seen.smoke))
        state = replace(state, smoked=True)
    if seen.candidate is None or seen.stable is None:
        return state, (Wait("the gateway does not answer"),)
    return _begin(plan, state, seen.candidate, seen.stable, now)


def _begin(
    plan: RolloutPlan, state: RolloutState, candidate: Counters, stable: Counters, now: datetime
) -> _Next:
    first = plan.steps[0].weight_percent
    order = state.order if state.order is Order.PAUSE else None
    state = replace(
        _enter(state, Phase.PROGRESSING, now, first),
        order=order,
        candidate_mark=mark_of(candidate, None),
        stable_mark=mark_of(stable, None),
        evidence={
            metric.name: begin(metric, plan, counted(None, stable, None)[metric.name])
            for metric in metrics(plan.checks)
        },
    )
    return state, (SetWeights(first),)


def _moving(
    plan: RolloutPlan,
    state: RolloutState,
    seen: Observation,
    now: datetime,
    judged: tuple[Judgement, ...],
) -> _Next:
    worse = [_worse(j) for j in judged if j.worse]
    if worse:
        return _to_roll_back(state, seen, now, *worse)
    if state.order is Order.PROMOTE:
        return _promoting(_enter(state, Phase.PROMOTING, now, MAX_PERCENT), seen)
    if state.order is Order.PAUSE:
        return _pause(state, now, "a person asked for it")
    if state.order is Order.RESUME:
        state = replace(
            _enter(state, Phase.PROGRESSING, now, state.weight_percent), paused_because=""
        )
    if seen.weight_percent != state.weight_percent:
        return state, (SetWeights(state.weight_percent),)
    if state.phase is Phase.PAUSED:
        return state, (Wait(f"paused: {state.paused_because}"),)
    if state.step_since is None:
        state = replace(state, step_since=now)
    return _step(plan, state, seen, now, judged)


def _step(
    plan: RolloutPlan,
    state: RolloutState,
    seen: Observation,
    now: datetime,
    judged: tuple[Judgement, ...],
) -> _Next:
    step = plan.steps[state.step]
    assert state.step_since is not None
    elapsed = (now - state.step_since).total_seconds()
    missing = _missing(plan, state, judged)
    if elapsed >= step.hold_seconds and not missing:
        if state.step + 1 == len(plan.steps):
            return _promoting(_enter(state, Phase.PROMOTING, now, MAX_PERCENT), seen)
        weight = plan.steps[state.step + 1].weight_percent
        state = replace(
            _enter(state, Phase.PROGRESSING, now, weight), step=state.step + 1, step_requests=0
        )
        return state, (SetWeights(weight),)
    if elapsed >= plan.deadline_seconds:
        because = f"inconclusive after {elapsed:.0f} s at {step.weight_percent} %: "
        return _pause(state, now, because + "; ".join(missing))
    left = max(0.0, step.hold_seconds - elapsed)
    return state, (Wait("; ".join(missing) or f"holding for {left:.0f} s more"),)


def _pause(state: RolloutState, now: datetime, because: str) -> _Next:
    state = replace(_enter(state, Phase.PAUSED, now, state.weight_percent), paused_because=because)
    return state, (Pause(because),)


def _missing(
    plan: RolloutPlan, state: RolloutState, judged: tuple[Judgement, ...]
) -> tuple[str, ...]:
    """Say what keeps the step from passing, apart from its hold."""
    lines = []
    if state.step_requests < plan.checks.min_requests:
        lines.append(
            f"{state.step_requests} of {plan.checks.min_requests} requests to the candidate"
        )
    for j in judged:
        if not j.within:
            shown = "nothing" if j.increase_at_most is None else f"{j.increase_at_most:.1%}"
            lines.append(
                f"{j.metric.name}: increase must be shown below {j.metric.margin:.1%}, "
                f"so far {shown}"
            )
    return tuple(lines)


def _learned(plan: RolloutPlan, state: RolloutState, seen: Observation) -> RolloutState:
    """Add the requests since the last look to the evidence."""
    if seen.candidate is None or seen.stable is None:
        return state
    alone = state.weight_percent == MAX_PERCENT and seen.weight_percent == MAX_PERCENT
    slow_ms = state.slow_ms or latency_threshold(plan.checks, seen.stable, alone=alone)
    if slow_ms is not None and state.slow_ms is None:
        state = _slowness_defined(plan, state, seen.candidate, seen.stable, slow_ms)
    candidate = counted(state.candidate_mark, seen.candidate, slow_ms)
    stable = counted(state.stable_mark, seen.stable, slow_ms)
    evidence = {
        metric.name: learn(
            metric,
            state.evidence[metric.name],
            candidate[metric.name],
            stable[metric.name],
            step=state.step,
            alone=alone,
        )
        for metric in metrics(plan.checks)
    }
    return replace(
        state,
        evidence=evidence,
        step_requests=state.step_requests + candidate[MetricName.ERRORS].total,
        candidate_mark=mark_of(seen.candidate, slow_ms),
        stable_mark=mark_of(seen.stable, slow_ms),
    )


def _slowness_defined(
    plan: RolloutPlan, state: RolloutState, candidate: Counters, stable: Counters, slow_ms: float
) -> RolloutState:
    """Start to count slow requests from here; what came before only set the threshold."""
    metric: Metric = next(m for m in metrics(plan.checks) if m.name is MetricName.SLOW)
    history = counted(None, stable, slow_ms)[MetricName.SLOW]
    now_c, now_s = mark_of(candidate, slow_ms), mark_of(stable, slow_ms)
    assert state.candidate_mark is not None
    assert state.stable_mark is not None
    return replace(
        state,
        slow_ms=slow_ms,
        candidate_mark=replace(state.candidate_mark, timed=now_c.timed, slow=now_c.slow),
        stable_mark=replace(state.stable_mark, timed=now_s.timed, slow=now_s.slow),
        evidence={**state.evidence, MetricName.SLOW: begin(metric, plan, history)},
    )


def _aborted(state: RolloutState) -> Reason:
    why = f": {state.rollback_reason}" if state.rollback_reason else ""
    found = f"{state.rollback_actor or 'a person'} aborted it{why}"
    return Reason("rollout.aborted", "a finished rollout", found, "start it again")


def _cannot_serve(found: str) -> Reason:
    return Reason(
        "rollout.candidate_ready",
        "every model server of the candidate to become ready and stay so",
        found,
        "read the model server's log; try the version with `mlflow models serve`",
    )


def _files_away(found: str) -> Reason:
    return Reason(
        "rollout.candidate_ready",
        "the candidate's stored files, to be proven before a model server starts",
        found,
        "make their store readable for the platform's user; then start the rollout again",
    )


def _smoke_failed(found: str) -> Reason:
    return Reason(
        "rollout.smoke_prediction",
        "a prediction on the model's own input example",
        found,
        "try the version on its input example before promoting it",
    )


def _worse(j: Judgement) -> Reason:
    e = j.evidence
    known = e.history + e.stable
    share = known.bad / known.total if known.total else 0.0
    return Reason(
        f"rollout.{j.metric.name}",
        f"no more than the stable version's {share:.2%} (of {known.total} requests)"
        + (f" + {j.metric.tolerance:.1%}" if j.metric.tolerance else ""),
        f"{e.candidate.bad} of {e.candidate.total} requests "
        f"({e.candidate.bad / max(1, e.candidate.total):.2%}), e-value {j.e_worse:.3g} "
        f"where {j.e_needed:.3g} is needed",
        "compare the two versions on recent requests; the candidate serves no traffic any more",
    )
