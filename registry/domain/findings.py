"""Defines what `acgs version check` reports and what `acgs version resolve` does about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Says how bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Action(StrEnum):
    """Says what the platform can do about a finding by itself."""

    ADOPT = "adopt"
    FORGET = "forget"
    END_TENURES = "end_tenures"
    MOVE_STAGE = "move_stage"
    SET_ALIAS = "set_alias"
    DROP_ALIAS = "drop_alias"
    WRITE_PARTS = "write_parts"
    EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Step:
    """One repair; `value` is a stage or an alias where the action needs one."""

    action: Action
    number: int
    value: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        rule: stable id, e.g. `semver.gap`.
        version: MLflow's number, where it is about one version.
        fix: what to do; done by `step`, where there is one.
        finder: who found it, and carries its step out.
    """

    rule: str
    severity: Severity
    name: str
    version: int | None
    expected: str
    found: str
    fix: str
    step: Step | None = None
    finder: str = "registry"
