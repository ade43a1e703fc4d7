"""What people ask of a rollout: written into its state, obeyed at the deployer's next tick."""

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
    """There is no rollout to speak of."""

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
            f"rollout {rollout.id} cannot be told to {order}: expected it {expected}, "
            f"found it {phase}",
            hint="acgs rollback takes a finished one back"
            if phase in FINAL
            else "acgs rollout show tells where it is",
        )


def _why(order: Order, actor: str, reason: str) -> dict[str, str]:
    """What an abort leaves in the rollout's reasons."""
    if order is not Order.ABORT:
        return {}
    return {"rollback_actor": actor, "rollback_reason": reason}


def give_order(
    registry: Registry, which: str, order: Order, actor: str, reason: str, at: datetime
) -> Rollout:
    """Tell a rollout what to do, with an event for the audit trail.

    Raises:
        OrderRefusedError: its phase does not allow it.
        NoRolloutError: there is none.
        ConflictError: it keeps changing under us.
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
