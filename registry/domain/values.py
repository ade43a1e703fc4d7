"""Defines the registry's terms: stages, targets, requests, verdicts and decisions."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from enum import StrEnum

from registry.domain.reasons import Reason


class Stage(StrEnum):
    """MLflow's four stages, in MLflow's spelling."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    @classmethod
    def parse(cls, text: str) -> Stage | None:
        """Return the stage that MLflow would read from `text`; None if there is none."""
        return next((stage for stage in cls if stage.value.lower() == text.strip().lower()), None)


SYSTEM = "acgs"
"""Actor of what the platform does by itself."""
CHAMPION = "champion"
CHALLENGER = "challenger"
GOVERNED_STAGES = frozenset({Stage.STAGING, Stage.PRODUCTION})
GOVERNED_ALIASES = {CHAMPION: Stage.PRODUCTION, CHALLENGER: Stage.STAGING}
"""Alias, with the stage whose bar it must clear."""

RESERVED_TAG_PREFIX = "acgs."


class RequestKind(StrEnum):
    """Says what a request asks for."""

    TRANSITION = "transition"
    COPY = "copy"
    RENAME = "rename"


class RequestState(StrEnum):
    """The state of a request; every state but OPEN is final."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class Standing(StrEnum):
    """What the owners of a version say about using it."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    YANKED = "yanked"


class SignatureOrigin(StrEnum):
    """Says where a version's signature comes from."""

    LOGGED = "logged"
    INFERRED = "inferred"


class Enforcement(StrEnum):
    """Says what a failed verdict does to the models that a pattern matches."""

    OBSERVE = "observe"
    WARN = "warn"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True)
class VersionRef:
    """Identifies one registered version for ever: `uid` outlives renaming and re-creation."""

    uid: str
    name: str
    version: int
    semver: str

    def __str__(self) -> str:
        return f"{self.name} {self.semver} (version {self.version})"


def spelled(name: str, version: str) -> str:
    """Return `NAME@VERSION` as a command line takes it, quoted where a shell would split it."""
    return shlex.quote(f"{name}@{version}")


def shown_score(score: float) -> str:
    """Return a score's first three decimals, cut, not rounded: 0.9499 must not read 0.95."""
    return f"{math.floor(score * 1000 + 1e-9) / 1000:.3f}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What compliance concluded about one artifact, as the registry needs it.

    Attributes:
        score: weighted mean over principles, in [0, 1].
        passed: score reached the target's minimum and no gate failed.
        approvals_needed: approvals that the target asks for, >= 0.
        reasons: failed rules; empty exactly when nothing failed.
        manifest_digest, constitution_digest, evidence_digest: what was judged, by what, on what.
        document: the whole machine-readable scorecard (JSON values only).
        report_run_id: MLflow run that holds the report, if it could be written.
    """

    score: float
    passed: bool
    enforcement: Enforcement
    approvals_needed: int
    reasons: tuple[Reason, ...]
    manifest_digest: str
    constitution_digest: str
    evidence_digest: str
    document: dict[str, object] = field(hash=False)
    report_run_id: str | None = None
