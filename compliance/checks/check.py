"""The typed registry of checks: what a constitution may name, with which parameters.

No expression language: a check is a Python function with a pydantic model of parameters, found
through the entry-point group `acgs.checks`. So a misspelt parameter fails when the constitution is
loaded, not when a model is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compliance.domain.facts import Facts, Task
from compliance.domain.result import RuleResult
from compliance.errors import ConstitutionError

if TYPE_CHECKING:
    import pandas as pd

GROUP = "acgs.checks"
EVERY_TASK = frozenset(Task)


class Params(BaseModel):
    """Parameters of a check: strict, frozen, unknown keys refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class NoParams(Params):
    """No parameters."""


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class Context:
    """What a check gets besides its parameters."""

    rule_id: str
    seed: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class Perturbed:
    """Rows that a check wants predictions for: `frame` replaces the holdout's `rows`."""

    rows: NDArray[np.int64]
    frame: pd.DataFrame


Perturb = Callable[["pd.DataFrame", int], Sequence[Perturbed]]


@dataclass(frozen=True, slots=True)
class Judge:
    """A check with its parameters filled in."""

    params: Mapping[str, object]
    evaluate: Callable[[Context], RuleResult]
    perturb: Perturb | None


class AnyCheck(Protocol):
    """A check, whatever its parameters."""

    @property
    def name(self) -> str:
        """Return the check's name in a constitution."""

    @property
    def tasks(self) -> frozenset[Task]:
        """Return the tasks that the check can judge."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameter names with their defaults, for messages."""

    def bind(self, raw: Mapping[str, object]) -> Judge:
        """Return the check with these parameters; raises pydantic's ValidationError."""


@dataclass(frozen=True, slots=True)
class Check(Generic[P]):
    """One named check.

    Attributes:
        params: model of its parameters, each with a default.
        rule: the pure function from parameters and facts to an answer.
        perturb: rows to predict beside the holdout itself, from (params, features, seed).
    """

    name: str
    params: type[P]
    rule: Callable[[P, Context], RuleResult]
    tasks: frozenset[Task] = EVERY_TASK
    perturb: Callable[[P, pd.DataFrame, int], Sequence[Perturbed]] | None = None

    @property
    def parameters(self) -> Mapping[str, str]:
        """Parameter names with their defaults, for messages."""
        return {name: repr(f.default) for name, f in self.params.model_fields.items()}

    def bind(self, raw: Mapping[str, object]) -> Judge:
        """Return the check with these parameters.

        Raises:
            pydantic.ValidationError: a parameter is unknown, of the wrong type or out of range.
        """
        params = self.params.model_validate(raw)
        perturb = self.perturb
        return Judge(
            params=params.model_dump(mode="json"),
            evaluate=lambda context: self.rule(params, context),
            perturb=None if perturb is None else (lambda f, seed: perturb(params, f, seed)),
        )


@cache
def checks() -> Mapping[str, AnyCheck]:
    """Return every installed check, by name.

    Raises:
        ConstitutionError: an installed check cannot be loaded; judging without it would be
            judging by another constitution.
    """
    found: dict[str, AnyCheck] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception as err:
            raise ConstitutionError(
                f"check {entry.name!r} ({entry.value}) cannot be loaded: {err}",
                hint="reinstall the package that offers it",
            ) from err
    return dict(sorted(found.items()))
