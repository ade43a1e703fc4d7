"""Defines what narrows a subscription's events, and how their bodies are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from infra.errors import UsageError
from registry.audit.domain.interest import Outcome
from registry.domain.values import Stage


class Format(StrEnum):
    """The shape of a delivery's body."""

    MLFLOW = "mlflow"
    SLACK = "slack"
    ALERTMANAGER = "alertmanager"


@dataclass(frozen=True, slots=True)
class Terms:
    """Which of the events are sent, and how; what is empty excludes nothing.

    Attributes:
        names: patterns of the event's name.
    """

    names: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    format: Format = Format.MLFLOW

    def facts(self) -> dict[str, object]:
        """Return as JSON what people and the audit trail are shown."""
        return {
            "names": list(self.names),
            "stages": [one.value for one in self.stages],
            "outcomes": [one.value for one in self.outcomes],
            "format": self.format.value,
        }


EVERYTHING = Terms()


def read_terms(
    *, names: Sequence[str], stages: Sequence[str], outcomes: Sequence[str], format: str
) -> Terms:
    """Read terms from text.

    Raises:
        UsageError: a name pattern is empty, or there is no such stage, outcome or format.
    """
    if not all(name.strip() for name in names):
        raise UsageError("webhook name pattern: expected a pattern such as credit-*, found none")
    found = [Stage.parse(stage) for stage in stages]
    for text, stage in zip(stages, found, strict=True):
        if stage is None:
            raise _unknown("stage", text, list(Stage))
    for text in outcomes:
        if text not in list(Outcome):
            raise _unknown("outcome", text, list(Outcome))
    if format not in list(Format):
        raise _unknown("format", format, list(Format))
    return Terms(
        tuple(dict.fromkeys(names)),
        tuple(dict.fromkeys(stage for stage in found if stage is not None)),
        tuple(dict.fromkeys(Outcome(one) for one in outcomes)),
        Format(format),
    )


def _unknown(what: str, text: str, known: Sequence[str]) -> UsageError:
    return UsageError(f"webhook {what}: expected one of {', '.join(known)}, found {text!r}")
