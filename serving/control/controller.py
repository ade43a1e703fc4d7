"""The rollout controller: observe, decide, save, act, and observe again.

`decide` is pure; everything here may be repeated. The decision is saved, by compare-and-set,
before it is acted on, so a deployer killed at any line finds what it wanted and does it again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from infra.clock import Clock, utc_now
from infra.errors import ConflictError, PlatformError, UnavailableError
from registry.bootstrap import Registry
from registry.domain.reasons import Reason
from registry.domain.records import Endpoint, Progress, Rollout
from registry.errors import GateClosedError
from serving.control.endpoint_view import EndpointView, served
from serving.control.ports import GatewayPort, ServersPort, ServersStatus
from serving.control.progress import event_of, material, measurement_of
from serving.control.proof import prove
from serving.domain.decide import (
    Action,
    Decision,
    Observation,
    Pause,
    Promote,
    RollBack,
    SetWeights,
    Smoke,
    Wait,
    decide,
)
from serving.domain.plan import PlanError, RolloutPlan
from serving.domain.routing import cluster_name
from serving.domain.seldon import resource_name
from serving.domain.state import Phase, RolloutState

SAVE_SECONDS = 1.0
"""How often evidence is saved that changed no decision; lost evidence is counted again."""
DRAIN_SECONDS = 30.0
SETTLE_SECONDS = 0.5
"""Envoy's threads see a new route within milliseconds of the read-back; this is ample."""
_DECISIONS_PER_TICK = 4

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Live:
    """A rollout's newest state in this process, and its last saved state."""

    revision: int
    state: RolloutState
    saved_at: datetime
    traffic: Mapping[str, int] | None = None


class Deployer:
    """Makes what serves match what the registry says."""

    def __init__(
        self,
        registry: Registry,
        gateway: GatewayPort,
        servers: ServersPort,
        clock: Clock = utc_now,
    ) -> None:
        self._registry = registry
        self._gateway = gateway
        self._servers = servers
        self._clock = clock
        self._live: dict[int, _Live] = {}
        self._leaving: dict[tuple[str, str, str], datetime] = {}

    def tick(self) -> bool:
        """Go once over all endpoints.

        Returns:
            Whether a rollout is under way, so that the next look should be soon.

        Raises:
            UnavailableError: the registry does not answer.
        """
        active = {
            rollout.endpoint: rollout for rollout in self._registry.rollouts.active_rollouts()
        }
        views: dict[str, EndpointView] = {}
        for endpoint in self._registry.endpoints.endpoints():
            try:
                views[endpoint.name] = self._view(endpoint, active.get(endpoint.name))
            except PlatformError as err:
                _logger.error("endpoint %s: %s", endpoint.name, err)
        routed = self._route(views)
        for name, view in list(views.items()):
            if view.rollout is not None:
                self._advance(name, views)
        if routed:
            self._release(views.values())
        self._live = {
            rollout.id: self._live[rollout.id]
            for rollout in active.values()
            if rollout.id in self._live
        }
        return bool(active)

    def _view(self, endpoint: Endpoint, rollout: Rollout | None) -> EndpointView:
        """Read one endpoint and keep its model servers running."""
        stable = candidate = None
        if endpoint.stable_uid is not None:
            stable = served(self._registry.versions.version(endpoint.stable_uid))
        plan = _plan(rollout.plan if rollout else endpoint.plan)
        state = RolloutState()
        if rollout is not None:
            candidate = served(self._registry.versions.version(rollout.candidate_uid))
            state = self._state(rollout)
            if stable is not None and stable.uid == candidate.uid:
                stable = None  # a way back to what serves already: nothing to compare
        if plan is None and rollout is not None:
            self._registry.rollouts.fail_rollout(
                rollout.id, [_plan_invalid(rollout)], self._clock()
            )
            rollout = candidate = None
        view = EndpointView(endpoint, plan or RolloutPlan(), stable, candidate, rollout, state)
        return self._served(view)

    def _served(self, view: EndpointView) -> EndpointView:
        """Keep an endpoint's model servers running, a candidate's once its files are proven."""
        deployment = view.deployment()
        if deployment is None:
            return view
        statuses = {}
        for predictor in deployment.predictors:
            serves = True
            if predictor.version == view.candidate:
                proof = prove(self._registry, predictor.version.uid, view.state)
                serves = proof.serves
                view = replace(
                    view,
                    state=replace(view.state, proven=proof.proven),
                    refused=proof.refused,
                    waits_for=proof.waits_for,
                )
            statuses[predictor.name] = (
                self._servers.ensure(deployment, predictor)
                if serves
                else ServersStatus((), ready=False, detail=view.waits_for)
            )
        return replace(view, statuses=statuses)

    def _state(self, rollout: Rollout) -> RolloutState:
        live = self._live.get(rollout.id)
        if live is not None and live.revision == rollout.revision:
            return live.state
        state = RolloutState.read(rollout.state, Phase(rollout.phase))
        self._live[rollout.id] = _Live(rollout.revision, state, self._clock())
        return state

    def _route(self, views: Mapping[str, EndpointView]) -> bool:
        try:
            self._gateway.apply([view.route() for view in views.values()])
        except UnavailableError as err:
            _logger.warning("traffic stays as it is: %s", err)
            return False
        return True

    def _advance(self, name: str, views: dict[str, EndpointView]) -> None:
        """Decide and act until nothing is left but to wait; keep the view up to date."""
        smoke: str | None = None
        for _ in range(_DECISIONS_PER_TICK):
            view = self._with_traffic(views[name])
            decision = decide(view.plan, view.state, self._observe(view, smoke), self._clock())
            views[name] = replace(view, state=decision.state)
            try:
                rollout = self._save(view, decision)
            except ConflictError:
                assert view.rollout is not None
                self._live.pop(view.rollout.id, None)
                return
            views[name] = replace(views[name], rollout=rollout)
            smoke, again = None, False
            for action in decision.actions:
                smoke, more = self._act(views[name], views, action)
                again = again or more
            if not again:
                return

    def _with_traffic(self, view: EndpointView) -> EndpointView:
        namespace, name = view.endpoint.namespace, resource_name(view.endpoint.name)
        return replace(view, traffic=self._gateway.weights(namespace, name))

    def _observe(self, view: EndpointView, smoke: str | None) -> Observation:
        namespace, name = view.endpoint.namespace, resource_name(view.endpoint.name)
        assert view.candidate is not None
        status = view.statuses[view.candidate_predictor]
        weights = view.traffic
        candidate = cluster_name(namespace, name, view.candidate.uid)
        stable = cluster_name(namespace, name, view.stable.uid) if view.stable else None
        try:
            found = self._gateway.counters([c for c in (candidate, stable) if c is not None])
        except UnavailableError:
            found = {}
        return Observation(
            has_stable=view.stable is not None,
            ready=status.ready,
            failed=status.failed,
            unusable=view.refused or tuple(self._registry.files.unusable(view.candidate.uid)),
            weight_percent=None if weights is None else weights.get(view.candidate.uid, 0),
            candidate=found.get(candidate),
            stable=found.get(stable) if stable else None,
            smoke=smoke,
            detail=status.detail,
            files_away=bool(view.waits_for),
        )

    def _save(self, view: EndpointView, decision: Decision) -> Rollout:
        """Save a decision if something depends on it; return the rollout as last saved."""
        assert view.rollout is not None
        rollout, now, live = view.rollout, self._clock(), self._live[view.rollout.id]
        before, state = view.state, decision.state
        due = (now - live.saved_at).total_seconds() >= SAVE_SECONDS
        moved = view.traffic is not None and view.traffic != live.traffic
        if not moved and material(state) == material(before) and not (due and state != before):
            self._live[rollout.id] = replace(live, state=state)
            return rollout
        progress = Progress(
            state.phase.value,
            state.document(),
            measurement_of(state, decision.judgements),
            event_of(view.plan, before, state),
            view.traffic,
        )
        saved = self._registry.rollouts.save_rollout(rollout.id, rollout.revision, progress, now)
        traffic = live.traffic if view.traffic is None else view.traffic
        self._live[rollout.id] = _Live(saved.revision, state, now, traffic)
        return saved

    def _act(
        self, view: EndpointView, views: Mapping[str, EndpointView], action: Action
    ) -> tuple[str | None, bool]:
        """Carry out one action; return a smoke result, and whether to decide again at once."""
        assert view.rollout is not None
        match action:
            case SetWeights(percent):
                _logger.info("%s: candidate at %d %%", view.endpoint.name, percent)
                return None, self._route(views)
            case Smoke():
                assert view.candidate is not None
                predictor = view.candidate_predictor
                deployment = view.deployment()
                assert deployment is not None
                found = next(p for p in deployment.predictors if p.name == predictor)
                examples = self._servers.examples(found)
                return self._gateway.smoke(view.route(), predictor, examples), True
            case Promote():
                try:
                    self._registry.rollouts.complete_rollout(view.rollout.id, self._clock())
                except GateClosedError as err:
                    # Quarantined meanwhile: the next tick rolls the version back.
                    _logger.warning("%s: %s", view.endpoint.name, err)
                    return None, False
                _logger.info("%s: promoted", view.endpoint.name)
            case RollBack(reasons):
                self._registry.rollouts.fail_rollout(view.rollout.id, reasons, self._clock())
                _logger.warning(
                    "%s: rolled back: %s", view.endpoint.name, "; ".join(map(str, reasons))
                )
            case Pause(because):
                _logger.warning("%s: paused: %s", view.endpoint.name, because)
            case Wait():
                pass
        return None, False

    def _release(self, views: Collection[EndpointView]) -> None:
        """End the servers of versions that get no traffic any more, once they are idle."""
        needed = {
            (view.endpoint.namespace, resource_name(view.endpoint.name), version.uid)
            for view in views
            for version in (view.stable, view.candidate)
            if version is not None
        }
        known = {(view.endpoint.namespace, resource_name(view.endpoint.name)) for view in views}
        now, stopped = self._clock(), False
        for server in self._servers.running():
            if server in needed or server[:2] not in known:
                self._leaving.pop(server, None)
                continue
            waited = (now - self._leaving.setdefault(server, now)).total_seconds()
            if waited < SETTLE_SECONDS:
                continue
            if waited < DRAIN_SECONDS and self._busy(cluster_name(*server)):
                continue
            self._servers.stop(*server)
            self._leaving.pop(server, None)
            stopped = True
        if stopped:
            try:
                self._gateway.forget([view.route() for view in views])
            except UnavailableError as err:
                _logger.warning("clusters stay as they are: %s", err)

    def _busy(self, cluster: str) -> bool:
        try:
            return self._gateway.active_requests(cluster) > 0
        except UnavailableError:
            return True


def _plan(document: object) -> RolloutPlan | None:
    try:
        return RolloutPlan.parse(document if isinstance(document, dict) else {})
    except PlanError as err:
        _logger.error("%s", err)
        return None


def _plan_invalid(rollout: Rollout) -> Reason:
    return Reason(
        "rollout.plan_valid",
        "a rollout plan that can be read",
        f"{dict(rollout.plan)}",
        f"acgs endpoint create {rollout.endpoint} with a valid plan, then promote again",
    )
