"""The rollout controller: look, decide, save, act, and look again.

`decide` is pure; everything here may be repeated. The decision is saved, by compare-and-set,
before it is acted on, so a deployer killed at any line finds what it wanted and does it again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from infra.clock import Clock, utc_now
from infra.errors import ConflictError, PlatformError, UnavailableError
from registry.bootstrap import Registry
from registry.domain.reasons import Reason
from registry.domain.records import Endpoint, Rollout
from registry.errors import GateClosedError
from serving.control.lanes import Lane, served
from serving.control.ports import GatewayPort, ServersPort, ServersStatus
from serving.control.progress import event_of, material, measurement_of
from serving.control.proof import may_be_made
from serving.domain.decide import (
    Action,
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
"""How often evidence is saved that changed no decision; what is lost is counted again."""
DRAIN_SECONDS = 30.0
SETTLE_SECONDS = 0.5
"""Envoy's threads see a new route within milliseconds of the read-back; this is ample."""
_DECISIONS_PER_TICK = 4

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Live:
    """A rollout's newest state in this process, and what of it was saved."""

    revision: int
    state: RolloutState
    saved_at: datetime
    traffic: Mapping[str, int] | None = None


class Deployer:
    """Brings what serves in line with what the registry says."""

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
        """Do one round over all endpoints.

        Returns:
            Whether a rollout is under way, so that the next look should be soon.

        Raises:
            UnavailableError: the registry does not answer.
        """
        active = {
            rollout.endpoint: rollout for rollout in self._registry.rollouts.active_rollouts()
        }
        lanes = []
        for endpoint in self._registry.endpoints.endpoints():
            try:
                lanes.append(self._lane(endpoint, active.get(endpoint.name)))
            except PlatformError as err:
                _logger.error("endpoint %s: %s", endpoint.name, err)
        routed = self._route(lanes)
        for lane in lanes:
            if lane.rollout is not None:
                self._advance(lane, lanes)
        if routed:
            self._release(lanes)
        self._live = {
            rollout.id: self._live[rollout.id]
            for rollout in active.values()
            if rollout.id in self._live
        }
        return bool(active)

    def _lane(self, endpoint: Endpoint, rollout: Rollout | None) -> Lane:
        """Read one endpoint and look after its model servers."""
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
        lane = Lane(endpoint, plan or RolloutPlan(), stable, candidate, rollout, state)
        if plan is None and rollout is not None:
            self._registry.rollouts.fail_rollout(
                rollout.id, [_plan_invalid(rollout)], self._clock()
            )
            lane.rollout = lane.candidate = None
        deployment = lane.deployment()
        if deployment is not None:
            for predictor in deployment.predictors:
                if predictor.version == lane.candidate and not may_be_made(self._registry, lane):
                    status = ServersStatus((), ready=False, detail=lane.waits_for)
                else:
                    status = self._servers.ensure(deployment, predictor)
                lane.statuses[predictor.name] = status
        return lane

    def _state(self, rollout: Rollout) -> RolloutState:
        live = self._live.get(rollout.id)
        if live is not None and live.revision == rollout.revision:
            return live.state
        state = RolloutState.read(rollout.state, Phase(rollout.phase))
        self._live[rollout.id] = _Live(rollout.revision, state, self._clock())
        return state

    def _route(self, lanes: list[Lane]) -> bool:
        try:
            self._gateway.apply([lane.route() for lane in lanes])
        except UnavailableError as err:
            _logger.warning("traffic stays as it is: %s", err)
            return False
        return True

    def _advance(self, lane: Lane, lanes: list[Lane]) -> None:
        """Decide and act until there is nothing to do but wait."""
        smoke: str | None = None
        for _ in range(_DECISIONS_PER_TICK):
            seen = self._observe(lane, smoke)
            state, actions = decide(lane.plan, lane.state, seen, self._clock())
            try:
                self._save(lane, state)
            except ConflictError:
                assert lane.rollout is not None
                self._live.pop(lane.rollout.id, None)
                return
            smoke, again = None, False
            for action in actions:
                smoke, more = self._act(lane, lanes, action)
                again = again or more
            if not again:
                return

    def _observe(self, lane: Lane, smoke: str | None) -> Observation:
        namespace, name = lane.endpoint.namespace, resource_name(lane.endpoint.name)
        assert lane.candidate is not None
        status = lane.statuses[lane.candidate_predictor]
        weights = self._gateway.weights(namespace, name)
        lane.traffic = weights
        candidate = cluster_name(namespace, name, lane.candidate.uid)
        stable = cluster_name(namespace, name, lane.stable.uid) if lane.stable else None
        try:
            found = self._gateway.counters([c for c in (candidate, stable) if c is not None])
        except UnavailableError:
            found = {}
        return Observation(
            has_stable=lane.stable is not None,
            ready=status.ready,
            failed=status.failed,
            unusable=lane.refused or tuple(self._registry.files.unusable(lane.candidate.uid)),
            weight_percent=None if weights is None else weights.get(lane.candidate.uid, 0),
            candidate=found.get(candidate),
            stable=found.get(stable) if stable else None,
            smoke=smoke,
            detail=status.detail,
            files_away=bool(lane.waits_for),
        )

    def _save(self, lane: Lane, state: RolloutState) -> None:
        assert lane.rollout is not None
        rollout, now, live = lane.rollout, self._clock(), self._live[lane.rollout.id]
        before, lane.state = lane.state, state
        due = (now - live.saved_at).total_seconds() >= SAVE_SECONDS
        moved = lane.traffic is not None and lane.traffic != live.traffic
        if not moved and material(state) == material(before) and not (due and state != before):
            self._live[rollout.id] = replace(live, state=state)
            return
        lane.rollout = self._registry.rollouts.save_rollout(
            rollout.id,
            rollout.revision,
            state.phase.value,
            state.document(),
            now,
            measurement=measurement_of(lane.plan, state),
            event=event_of(lane.plan, before, state),
            traffic=lane.traffic,
        )
        traffic = live.traffic if lane.traffic is None else lane.traffic
        self._live[rollout.id] = _Live(lane.rollout.revision, state, now, traffic)

    def _act(self, lane: Lane, lanes: list[Lane], action: Action) -> tuple[str | None, bool]:
        """Carry out one action; return a smoke result, and whether to decide again at once."""
        assert lane.rollout is not None
        match action:
            case SetWeights(percent):
                _logger.info("%s: candidate at %d %%", lane.endpoint.name, percent)
                return None, self._route(lanes)
            case Smoke():
                assert lane.candidate is not None
                predictor = lane.candidate_predictor
                deployment = lane.deployment()
                assert deployment is not None
                found = next(p for p in deployment.predictors if p.name == predictor)
                examples = self._servers.examples(found)
                return self._gateway.smoke(lane.route(), predictor, examples), True
            case Promote():
                try:
                    self._registry.rollouts.complete_rollout(lane.rollout.id, self._clock())
                except GateClosedError as err:
                    # Quarantined since we looked: the next look takes it back.
                    _logger.warning("%s: %s", lane.endpoint.name, err)
                    return None, False
                _logger.info("%s: promoted", lane.endpoint.name)
            case RollBack(reasons):
                self._registry.rollouts.fail_rollout(lane.rollout.id, reasons, self._clock())
                _logger.warning(
                    "%s: rolled back: %s", lane.endpoint.name, "; ".join(map(str, reasons))
                )
            case Pause(because):
                _logger.warning("%s: paused: %s", lane.endpoint.name, because)
            case Wait():
                pass
        return None, False

    def _release(self, lanes: list[Lane]) -> None:
        """End the servers of versions that get no traffic any more, once they are idle."""
        needed = {
            (lane.endpoint.namespace, resource_name(lane.endpoint.name), version.uid)
            for lane in lanes
            for version in (lane.stable, lane.candidate)
            if version is not None
        }
        known = {(lane.endpoint.namespace, resource_name(lane.endpoint.name)) for lane in lanes}
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
                self._gateway.forget([lane.route() for lane in lanes])
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
