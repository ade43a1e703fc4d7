"""Defines what a decision needs of a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.reasons import Reason
from registry.domain.values import Enforcement


@dataclass(frozen=True, slots=True)
class JudgedScorecard:
    """What the decision needs from a scorecard.

    Attributes:
        digest: of the whole document.
    """

    score: float
    passed: bool
    enforcement: Enforcement
    approvals_needed: int
    manifest_digest: str
    constitution_digest: str
    evidence_digest: str
    reasons: tuple[Reason, ...]
    digest: str
