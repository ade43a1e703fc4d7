"""Creates endpoints, steers rollouts and takes endpoints back, for callers who may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.clock import utc_now
from infra.component import Operation
from infra.errors import UsageError
from infra.operation_arguments import Asked, flag, mapping, no_others, text
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.bootstrap import Registry, open_registry
from serving.control.orders import check_order, find_rollout, give_order
from serving.domain.plan import RolloutPlan
from serving.domain.seldon import check_namespace
from serving.domain.state import Order
from serving.endpoints.views import endpoint_view

if TYPE_CHECKING:
    from infra.settings import Settings


def operations(settings: Settings) -> Mapping[str, Operation]:
    """Return serving's operations; nothing is opened until the first is carried out."""
    registry = open_registry(settings)
    return {
        "create_endpoint": lambda asked: _create(registry, settings, asked),
        "order": lambda asked: _order(registry, asked),
        "rollback": lambda asked: _roll_back(registry, asked),
    }


def _create(registry: Registry, settings: Settings, asked: Asked) -> dict[str, Any]:
    """Return the endpoint, and whether it is new and its model has a version."""
    no_others(asked, "name", "namespace", "plan", "dry_run")
    name, namespace = text(asked, "name"), text(asked, "namespace")
    check_namespace(namespace)
    plan = RolloutPlan.parse(mapping(asked, "plan")).document()
    caller = permitted(registry.access, Verb.OPERATE, name)
    if flag(asked, "dry_run"):
        return {"new": registry.endpoints.check_creation(name), "plan": plan}
    made = registry.endpoints.create_endpoint(name, namespace, plan, caller.actor, utc_now())
    return {
        "endpoint": endpoint_view(registry, settings, made),
        "has_versions": bool(registry.versions.versions(name, limit=1)),
    }


def _order(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "which", "order", "reason", "dry_run")
    which, named = text(asked, "which"), text(asked, "order")
    if named not in set(Order):
        raise UsageError(f"expected one of {', '.join(Order)}, found {named[:40]!r}")
    order = Order(named)
    found = find_rollout(registry, which)
    verb = Verb.ROLL_BACK if order is Order.ABORT else Verb.OPERATE
    caller = permitted(registry.access, verb, found.endpoint)
    if flag(asked, "dry_run"):
        check_order(found, order)
        return {"rollout": found.id}
    reason = text(asked, "reason", "")
    # By its number: an endpoint's newest rollout may be another one by now.
    return {
        "rollout": give_order(registry, str(found.id), order, caller.actor, reason, utc_now()).id
    }


def _roll_back(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return what a rollback does: the rollout that it aborts or makes, and where it leads."""
    no_others(asked, "name", "reason", "dry_run")
    name, reason = text(asked, "name"), text(asked, "reason")
    registry.endpoints.endpoint(name)
    caller = permitted(registry.access, Verb.ROLL_BACK, name)
    active = [known for known in registry.rollouts.active_rollouts() if known.endpoint == name]
    under_way = active[0] if active else None
    found: dict[str, Any] = {
        "aborted": under_way.id if under_way else None,
        "was_going_back": bool(under_way and under_way.takes_back),
        "to": None,
        "passed_over": [],
    }
    if under_way is None:
        found["to"] = registry.rollbacks.rollback_version(name).semver
    if flag(asked, "dry_run"):
        return found
    made = registry.rollbacks.request_rollback(name, caller.actor, reason, utc_now())
    if under_way is None:
        found["to"] = registry.versions.version(made.candidate_uid).semver
        found["passed_over"] = [
            {"semver": record.semver, "why": why.found}
            for record, why in registry.rollbacks.way_back(name).passed_over
        ]
    return {**found, "rollout": made.id}
