"""Follows one rollout until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.demo.cast import StoryError

if TYPE_CHECKING:
    from registry.bootstrap import Registry
    from registry.domain.records import Rollout

_POLL_SECONDS = 0.1
FINAL = frozenset({"succeeded", "rolled_back"})


@dataclass(frozen=True, slots=True)
class Followed:
    """How a rollout went.

    Attributes:
        rollout: its last record.
        weights: the candidate's weights in percent that were seen, each once, in order.
        seconds: from the grant to the end.
    """

    rollout: Rollout
    weights: tuple[int, ...]
    seconds: float
    reasons: tuple[Mapping[str, str], ...] = field(default=())


def of_request(registry: Registry, endpoint: str, request_id: int) -> Rollout:
    """Return the rollout that a granted request opened.

    Raises:
        StoryError: there is none.
    """
    for rollout in registry.rollouts.rollouts(endpoint):
        if rollout.request_id == request_id:
            return rollout
    raise StoryError(f"request {request_id} was granted, but opened no rollout of {endpoint}")


def follow(
    registry: Registry, rollout_id: int, tell: Callable[[str], None], *, limit_seconds: float
) -> Followed:
    """Wait until a rollout has ended.

    Raises:
        StoryError: it paused, or did not end in time.
    """
    limit = time.monotonic() + limit_seconds
    weights: dict[int, None] = {}
    while True:
        rollout = registry.rollouts.rollout(rollout_id)
        weight = int(rollout.state.get("weight_percent", 0))
        if weight:
            weights.setdefault(weight)
        if rollout.phase in FINAL:
            break
        paused = rollout.state.get("paused_because")
        if rollout.phase == "paused":
            raise StoryError(f"rollout {rollout_id} paused: {paused}")
        if time.monotonic() > limit:
            raise StoryError(
                f"rollout {rollout_id} is {rollout.phase} at {weight} % after {limit_seconds:g} s"
            )
        tell(
            f"rollout {rollout_id}: {rollout.phase}, candidate at {weight} %, "
            f"{rollout.state.get('step_requests', 0)} requests to it at this step"
        )
        time.sleep(_POLL_SECONDS)
    ended_ms = rollout.finished_ms or rollout.created_ms
    return Followed(
        rollout, tuple(weights), (ended_ms - rollout.created_ms) / 1000, rollout.reasons
    )
