"""Reads a rollout plan from a YAML file and the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from serving.domain.plan import PlanError, RolloutPlan, Strategy

_HOLD_SECONDS = 20.0
_SHAPE = ("steps", "bake_seconds")
"""Keys of a plan that say what its strategy goes through."""


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add a plan's options to a command, which gets the resulting plan as `plan`."""

    @click.option(
        "--plan",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="YAML file with the rollout plan; what it leaves out has its default.",
    )
    @click.option(
        "--strategy",
        type=click.Choice([s.value for s in Strategy]),
        help="How traffic moves.  [default: what the file says, else canary]",
    )
    @click.option(
        "--steps",
        metavar="PERCENT[:SECONDS],...",
        help="Canary weights and how long each is held at least.  "
        "[default: what the file says, else 10:20,50:20,100:20]",
    )
    @click.option(
        "--hold-seconds",
        type=float,
        help="Shortest time of each canary step; with --steps, of those that name none.  "
        "[default: what the file says, else 20]",
    )
    @wraps(command)
    def with_plan(
        *,
        file: Path | None,
        strategy: str | None,
        steps: str | None,
        hold_seconds: float | None,
        **rest: Any,
    ) -> None:
        command(plan=read_plan(file, strategy, steps, hold_seconds), **rest)

    return with_plan


def read_plan(
    file: Path | None,
    strategy: str | None,
    steps: str | None,
    hold_seconds: float | None = None,
) -> RolloutPlan:
    """Return the plan in a file, changed by what the command line says.

    Another strategy than the file's leaves out the file's steps, which it could not follow.

    Args:
        file: YAML file with the plan; None for the defaults.
        strategy: the strategy to take instead of the file's.
        steps: `PERCENT[:SECONDS],...` to take instead of the file's.
        hold_seconds: shortest time of a step in `steps` that names none; without `steps`, of
            every step of the plan.

    Raises:
        PlanError: the file cannot be read, or the plan is malformed or contradicts itself.
    """
    document = _document(file) if file is not None else {}
    changed = strategy is not None and strategy != document.get("strategy", Strategy.CANARY.value)
    if changed or steps is not None:
        document = {key: value for key, value in document.items() if key not in _SHAPE}
    if strategy is not None:
        document["strategy"] = strategy
    if steps is not None:
        hold = _HOLD_SECONDS if hold_seconds is None else hold_seconds
        document["steps"] = [_step(text, hold) for text in steps.split(",")]
    plan = RolloutPlan.parse(document)
    return plan if steps is not None or hold_seconds is None else _held(plan, hold_seconds)


def _held(plan: RolloutPlan, hold_seconds: float) -> RolloutPlan:
    if plan.strategy is not Strategy.CANARY:
        raise PlanError(
            f"--hold-seconds: expected the strategy canary, which goes by steps, found "
            f"{plan.strategy}",
            hint="leave --hold-seconds out; bake_seconds in the --plan file says how long "
            "blue_green watches the switch",
        )
    return replace(plan, steps=tuple(replace(s, hold_seconds=hold_seconds) for s in plan.steps))


def _document(file: Path) -> dict[str, object]:
    from infra import strict_yaml

    found = strict_yaml.read(file, PlanError)
    if not isinstance(found, dict):
        raise PlanError(
            f"{file}: expected keys such as strategy and steps, found {type(found).__name__}",
            hint="docs/reference/rollout-plan.md has an example",
        )
    return {str(key): value for key, value in found.items()}


def _step(text: str, hold_seconds: float) -> dict[str, object]:
    weight, _, hold = text.partition(":")
    try:
        return {
            "weight_percent": int(weight),
            "hold_seconds": float(hold) if hold else hold_seconds,
        }
    except ValueError:
        raise PlanError(
            f"--steps: expected whole percents like 10,50,100, found {text!r}",
            hint="with the seconds that each is held: --steps 10:60,50:60,100:60",
        ) from None
