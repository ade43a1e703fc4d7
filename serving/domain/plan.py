"""A rollout plan: its steps, what they ask for, and when to give up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from itertools import pairwise

from infra.errors import UsageError

MIN_PERCENT, MAX_PERCENT = 1, 100


class PlanError(UsageError):
    """A rollout plan is malformed or contradicts itself."""

    code = "serving.plan_invalid"


class Strategy(StrEnum):
    """How traffic moves from the stable version to the candidate.

    `canary` goes by steps; `blue_green` switches at once and watches the switch while the old
    version stays warm; `immediate` switches as soon as the candidate is ready and asks for no
    evidence (a way back to a version that has served before).
    """

    CANARY = "canary"
    BLUE_GREEN = "blue_green"
    IMMEDIATE = "immediate"


@dataclass(frozen=True, slots=True)
class Step:
    """One weight of the candidate, and how long it is held at least."""

    weight_percent: int
    hold_seconds: float


@dataclass(frozen=True, slots=True)
class Checks:
    """What live traffic must show.

    Attributes:
        max_error_rate_increase: how much larger the candidate's probability of a failed
            request may be than the stable version's, in (0, 1); 0.01 is one point.
        max_error_rate: the most that is accepted where there is no stable traffic to compare
            with, in (0, 1).
        max_latency_ratio: the stable version's p95 times this is what counts as slow, >= 1.
        max_latency_ms: what counts as slow where there is no stable traffic to compare with.
        max_slow_share_increase: how much larger the candidate's share of slow requests may
            be, in (0, 1).
        alpha: probability, in (0, 0.5], that a candidate which is no worse is rolled back, over
            the whole rollout and all checks, however often it is looked at; and that one which
            is worse than allowed is promoted.
        min_requests: requests the candidate must have answered at each step, >= 1.
    """

    max_error_rate_increase: float = 0.01
    max_error_rate: float = 0.05
    max_latency_ratio: float = 1.5
    max_latency_ms: float = 2000.0
    max_slow_share_increase: float = 0.1
    alpha: float = 0.05
    min_requests: int = 100


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """A whole rollout, agreed before it starts.

    Attributes:
        strategy: how traffic moves.
        steps: weights of the candidate, strictly increasing, the last one 100.
        checks: what is asked at every step.
        deadline_seconds: a step that has not passed by then is inconclusive and pauses, > 0.
        ready_seconds: a candidate that is not ready by then fails the rollout, > 0.
        replicas: model servers per predictor, 1..16.
    """

    strategy: Strategy = Strategy.CANARY
    steps: tuple[Step, ...] = (Step(10, 20.0), Step(50, 20.0), Step(100, 20.0))
    checks: Checks = field(default_factory=Checks)
    deadline_seconds: float = 600.0
    ready_seconds: float = 60.0
    replicas: int = 1

    def __post_init__(self) -> None:
        _check_steps(self.strategy, self.steps)
        _check_checks(self.checks)
        _require("deadline_seconds", self.deadline_seconds > 0, "> 0", self.deadline_seconds)
        _require("ready_seconds", self.ready_seconds > 0, "> 0", self.ready_seconds)
        _require("replicas", 1 <= self.replicas <= 16, "in 1..16", self.replicas)
        longest = max(step.hold_seconds for step in self.steps)
        _require(
            "deadline_seconds",
            self.deadline_seconds > longest,
            f"more than the longest hold ({longest:g} s)",
            self.deadline_seconds,
        )

    @classmethod
    def canary(cls, weights: Sequence[int], hold_seconds: float, **rest: object) -> RolloutPlan:
        """Return a canary plan that holds every weight equally long.

        Raises:
            PlanError: see `parse`.
        """
        steps = [{"weight_percent": w, "hold_seconds": hold_seconds} for w in weights]
        return cls.parse({"strategy": "canary", "steps": steps, **rest})

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> RolloutPlan:
        """Read a plan strictly: an unknown key or a wrong type is an error, never a default.

        `bake_seconds` may stand in for the one step of a blue-green plan.

        Raises:
            PlanError: names the key, what was expected and what was found.
        """
        known = {f.name for f in fields(cls)} | {"bake_seconds"}
        _known("plan", document, known)
        strategy = _strategy(document.get("strategy", Strategy.CANARY.value))
        default = cls()
        return cls(
            strategy=strategy,
            steps=_steps(strategy, document),
            checks=_checks(document.get("checks", {})),
            deadline_seconds=_number(document, "deadline_seconds", default.deadline_seconds),
            ready_seconds=_number(document, "ready_seconds", default.ready_seconds),
            replicas=_whole(document, "replicas", default.replicas),
        )

    def document(self) -> dict[str, object]:
        """Return the plan as JSON values; `parse` reads it back."""
        return {
            "strategy": self.strategy.value,
            "steps": [asdict(step) for step in self.steps],
            "checks": asdict(self.checks),
            "deadline_seconds": self.deadline_seconds,
            "ready_seconds": self.ready_seconds,
            "replicas": self.replicas,
        }


def _require(key: str, holds: bool, expected: str, found: object) -> None:
    if not holds:
        raise PlanError(
            f"plan: {key}: expected {expected}, found {found!r}",
            hint="correct the plan; docs/reference/rollout-plan.md lists what it may say",
        )


def _known(where: str, document: object, known: set[str]) -> None:
    _require(where, isinstance(document, Mapping), "a mapping", document)
    assert isinstance(document, Mapping)
    unknown = sorted(str(key) for key in document if key not in known)
    _require(where, not unknown, f"only the keys {', '.join(sorted(known))}", ", ".join(unknown))


def _strategy(value: object) -> Strategy:
    names = [s.value for s in Strategy]
    _require("strategy", value in names, f"one of {', '.join(names)}", value)
    return Strategy(str(value))


def _number(document: Mapping[str, object], key: str, default: float) -> float:
    value = document.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        _require(key, False, "a number", value)
        raise AssertionError
    return float(value)


def _whole(document: Mapping[str, object], key: str, default: int) -> int:
    value = document.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        _require(key, False, "a whole number", value)
        raise AssertionError
    return value


def _steps(strategy: Strategy, document: Mapping[str, object]) -> tuple[Step, ...]:
    if "bake_seconds" in document:
        _require("bake_seconds", strategy is Strategy.BLUE_GREEN, "only with blue_green", strategy)
        _require("steps", "steps" not in document, "bake_seconds or steps, not both", "both")
        return (Step(MAX_PERCENT, _number(document, "bake_seconds", 0.0)),)
    if "steps" not in document:
        match strategy:
            case Strategy.CANARY:
                return RolloutPlan().steps
            case Strategy.BLUE_GREEN:
                return (Step(MAX_PERCENT, 60.0),)
            case Strategy.IMMEDIATE:
                return (Step(MAX_PERCENT, 0.0),)
    steps = document["steps"]
    if not isinstance(steps, (list, tuple)):
        _require("steps", False, "a list", steps)
        raise AssertionError
    return tuple(_step(index, step) for index, step in enumerate(steps, start=1))


def _step(index: int, step: object) -> Step:
    _known(f"steps[{index}]", step, {"weight_percent", "hold_seconds"})
    assert isinstance(step, Mapping)
    _require(f"steps[{index}]", "weight_percent" in step, "a weight_percent", dict(step))
    return Step(_whole(step, "weight_percent", 0), _number(step, "hold_seconds", 0.0))


def _checks(document: object) -> Checks:
    _known("checks", document, {f.name for f in fields(Checks)})
    assert isinstance(document, Mapping)
    default = Checks()
    return Checks(
        **{
            f.name: _number(document, f.name, getattr(default, f.name))
            for f in fields(Checks)
            if f.name != "min_requests"
        },
        min_requests=_whole(document, "min_requests", default.min_requests),
    )


def _check_steps(strategy: Strategy, steps: tuple[Step, ...]) -> None:
    weights = [step.weight_percent for step in steps]
    _require("steps", bool(steps), "at least one step", weights)
    inside = all(MIN_PERCENT <= w <= MAX_PERCENT for w in weights)
    _require("steps", inside, f"weights in {MIN_PERCENT}..{MAX_PERCENT}", weights)
    rising = all(a < b for a, b in pairwise(weights))
    _require("steps", rising, "strictly increasing weights", weights)
    _require("steps", weights[-1] == MAX_PERCENT, "a last weight of 100", weights)
    held = all(step.hold_seconds >= 0 for step in steps)
    _require("steps", held, "hold_seconds >= 0", [step.hold_seconds for step in steps])
    if strategy is not Strategy.CANARY:
        _require("steps", len(steps) == 1, f"one step of 100 for {strategy}", weights)


def _check_checks(checks: Checks) -> None:
    for name in ("max_error_rate_increase", "max_error_rate", "max_slow_share_increase"):
        value = getattr(checks, name)
        _require(f"checks.{name}", 0 < value < 1, "in (0, 1)", value)
    _require(
        "checks.max_latency_ratio", checks.max_latency_ratio >= 1, ">= 1", checks.max_latency_ratio
    )
    _require("checks.max_latency_ms", checks.max_latency_ms > 0, "> 0", checks.max_latency_ms)
    _require("checks.alpha", 0 < checks.alpha <= 0.5, "in (0, 0.5]", checks.alpha)
    _require("checks.min_requests", checks.min_requests >= 1, ">= 1", checks.min_requests)
