"""Orders of people to a rollout: written into its state, obeyed at the deployer's next tick."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from infra.errors import ConflictError, NotFoundError, RefusedError
from registry.domain.records import Progress, Rollout
from registry.domain.values import spelled
from serving.domain.state import FINAL, Order, Phase

if TYPE_CHECKING:
    from registry.bootstrap import Registry

_TRIES = 20


class OrderRefusedError(RefusedError):
    """The rollout's phase does not allow what was asked."""

    code = "serving.order_refused"


class NoRolloutError(NotFoundError):
    """There is no such rollout."""

    code = "serving.no_rollout"


_ALLOWED = {
    Order.PROMOTE: {Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED},
    Order.ABORT: {Phase.PENDING, Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING},
    Order.PAUSE: {Phase.PENDING, Phase.PROGRESSING},
    Order.RESUME: {Phase.PAUSED},
}


def find_rollout(registry: Registry, which: str) -> Rollout:
    """Return a rollout by its number, or the newest one of an endpoint.

    Raises:
        NoRolloutError: there is none.
    """
    if which.isdigit():
        return registry.rollouts.rollout(int(which))
    found = registry.rollouts.rollouts(registry.endpoints.endpoint(which).name)
    if not found:
        raise NoRolloutError(
            f"expected a rollout of {which}, found none",
            hint=f"acgs promote {spelled(which, 'VERSION')} starts one",
        )
    return found[-1]


def check_order(rollout: Rollout, order: Order) -> None:
    """Refuse an order that the rollout's phase does not allow.

    Raises:
        OrderRefusedError: it does not.
    """
    phase = Phase(rollout.phase)
    if phase not in _ALLOWED[order]:
        expected = ", ".join(sorted(_ALLOWED[order]))
        raise OrderRefusedError(
            f"rollout {rollout.id} cannot {order}: expected it to be {expected}, found {phase}",
            hint="acgs rollback undoes a finished rollout"
            if phase in FINAL
            else "acgs rollout show says where it is",
        )


def _why(order: Order, actor: str, reason: str) -> dict[str, str]:
    """Return the reason that an abort leaves in the rollout."""
    if order is not Order.ABORT:
        return {}
    return {"rollback_actor": actor, "rollback_reason": reason}


def give_order(
    registry: Registry, which: str, order: Order, actor: str, reason: str, at: datetime
) -> Rollout:
    """Give a rollout an order, with an event for the audit trail.

    Raises:
        OrderRefusedError: its phase does not allow it.
        NoRolloutError: there is none.
        ConflictError: the rollout kept changing meanwhile.
    """
    for attempt in range(_TRIES):
        rollout = find_rollout(registry, which)
        check_order(rollout, order)
        try:
            return registry.rollouts.save_rollout(
                rollout.id,
                rollout.revision,
                Progress(
                    rollout.phase,
                    {**rollout.state, "order": order.value, **_why(order, actor, reason)},
                    event=(f"rollout.{order.value}_requested", {"actor": actor, "reason": reason}),
                ),
                at,
            )
        except ConflictError:
            if attempt + 1 == _TRIES:
                raise
    raise AssertionError
