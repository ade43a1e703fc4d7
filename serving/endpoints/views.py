"""Formats endpoints and rollouts as JSON values and as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from registry.domain.records import Endpoint, Rollout, VersionRecord
from serving.control.endpoint_view import EndpointView, served
from serving.control.progress import metrics_of
from serving.domain.decide import judgements
from serving.domain.plan import PlanError, RolloutPlan
from serving.domain.seldon import resource_name
from serving.domain.state import Phase, RolloutState

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry


def endpoint_view(registry: Registry, settings: Settings, endpoint: Endpoint) -> dict[str, object]:
    """Return an endpoint as JSON values."""
    from serving.settings import gateway_url

    stable = registry.versions.version(endpoint.stable_uid) if endpoint.stable_uid else None
    kept = registry.custody.quarantine_of(stable.uid) if stable else None
    active = [r for r in registry.rollouts.active_rollouts() if r.endpoint == endpoint.name]
    base = f"{gateway_url(settings)}/seldon/{endpoint.namespace}/{resource_name(endpoint.name)}"
    return {
        "name": endpoint.name,
        "namespace": endpoint.namespace,
        "deployment": resource_name(endpoint.name),
        "stable": _version(stable),
        "stable_since": _moment(endpoint.stable_since_ms),
        "stable_unusable": kept.detail if kept else None,
        "rollout": rollout_view(registry, active[0]) if active else None,
        "plan": dict(endpoint.plan),
        "url": f"{base}/api/v1.0/predictions",
        "v2_url": f"{base}/v2/models/{endpoint.name}/infer",
    }


def rollout_view(registry: Registry, rollout: Rollout) -> dict[str, object]:
    """Return a rollout as JSON values."""
    state = RolloutState.read(rollout.state, Phase(rollout.phase))
    plan = _plan(rollout.plan)
    stable = registry.versions.version(rollout.stable_uid) if rollout.stable_uid else None
    reasons = [dict(reason) for reason in rollout.reasons]
    return {
        "id": rollout.id,
        "endpoint": rollout.endpoint,
        "phase": rollout.phase,
        "candidate": _version(registry.versions.version(rollout.candidate_uid)),
        "stable": _version(stable),
        "request_id": rollout.request_id,
        "step": state.step + 1,
        "steps": len(plan.steps) if plan else None,
        "weight_percent": state.weight_percent,
        "step_requests": state.step_requests,
        "slow_ms": state.slow_ms,
        "metrics": metrics_of(judgements(plan, state)) if plan else [],
        "paused_because": state.paused_because or None,
        "reasons": reasons or [dict(r) for r in _dicts(state)],
        "started_at": _moment(rollout.created_ms),
        "finished_at": _moment(rollout.finished_ms),
    }


def rollout_lines(view: Mapping[str, object]) -> Sequence[str]:
    """Return a rollout as lines for people."""
    lines = [rollout_line(view)]
    metrics = view["metrics"]
    assert isinstance(metrics, list)
    for metric in metrics:
        candidate, stable, bound = metric["candidate"], metric["stable"], metric["increase_at_most"]
        shown = "nothing shown yet" if bound is None else f"increase < {bound:.1%} shown"
        lines.append(
            f"  {metric['name']:<11} candidate {candidate['bad']}/{candidate['requests']}, "
            f"stable {stable['bad']}/{stable['requests']}; {shown} "
            f"(needs < {metric['margin']:.1%}); worse: e = {metric['e_worse']:.3g} "
            f"of {metric['e_needed']:.3g}"
        )
    if view["paused_because"]:
        lines.append(f"  paused: {view['paused_because']}")
    reasons = view["reasons"]
    assert isinstance(reasons, list)
    lines += [
        f"  {r['rule']}: expected {r['expected']}, found {r['found']}. Fix: {r['fix']}"
        for r in reasons
    ]
    return lines


def rollout_line(view: Mapping[str, object]) -> str:
    """Return a rollout as one line for people."""
    candidate, stable = view["candidate"], view["stable"]
    assert isinstance(candidate, dict)
    before = stable["semver"] if isinstance(stable, dict) else "nothing"
    return (
        f"{view['id']:>4}  {view['endpoint']:<24} {before} -> {candidate['semver']}  "
        f"{view['phase']}  step {view['step']}/{view['steps']}  {view['weight_percent']} %  "
        f"since {view['started_at']}"
    )


def manifest(registry: Registry, endpoint: Endpoint) -> dict[str, object] | None:
    """Return the SeldonDeployment that is wanted now; None while nothing serves."""
    view = EndpointView(
        endpoint=endpoint,
        plan=_plan(endpoint.plan) or RolloutPlan(),
        stable=served(registry.versions.version(endpoint.stable_uid))
        if endpoint.stable_uid
        else None,
    )
    for rollout in registry.rollouts.active_rollouts():
        if rollout.endpoint == endpoint.name:
            view = replace(
                view,
                rollout=rollout,
                candidate=served(registry.versions.version(rollout.candidate_uid)),
                state=RolloutState.read(rollout.state, Phase(rollout.phase)),
            )
    deployment = view.deployment()
    return deployment.manifest() if deployment else None


def _plan(document: Mapping[str, object]) -> RolloutPlan | None:
    try:
        return RolloutPlan.parse(document)
    except PlanError:
        return None


def _dicts(state: RolloutState) -> Sequence[Mapping[str, str]]:
    return [
        {"rule": r.rule, "expected": r.expected, "found": r.found, "fix": r.fix}
        for r in state.reasons
    ]


def _version(record: VersionRecord | None) -> dict[str, object] | None:
    if record is None:
        return None
    return {"version": record.version, "semver": record.semver, "uid": record.uid}


def _moment(at_ms: int | None) -> str | None:
    return (
        datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds") if at_ms else None
    )
