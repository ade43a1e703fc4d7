"""Verdicts that refuse because nothing could be measured, and the failures that lead to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from compliance.domain import quoting
from compliance.judging import scorecard
from compliance.settings import ComplianceSettings
from infra.errors import NoAccessError, PlatformError
from infra.settings import Settings
from registry.domain.reasons import Reason
from registry.domain.values import Enforcement, Stage, Verdict
from registry.governance.adapters import evidence_file as registry_evidence
from registry.governance.adapters import governance_file


class Subject(Protocol):
    """The subject of a verdict; a request is one."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def semver(self) -> str:
        """Semantic version."""

    @property
    def judged_as(self) -> str:
        """Name whose rules and evidence apply."""

    @property
    def target(self) -> Stage:
        """Stage that is asked for."""

    @property
    def manifest_digest(self) -> str:
        """Digest of the files that are asked about."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why nothing was measured.

    Attributes:
        what: id of the reason, such as `artifact.unusable`.
    """

    what: str
    expected: str
    found: str
    fix: str


def is_infrastructure(error: BaseException) -> bool:
    """Whether a failure is infrastructure's: trying again may help, the version is not to blame."""
    lasting = (NoAccessError, governance_file.ConstitutionError)
    return isinstance(error, PlatformError) and (error.retriable or isinstance(error, lasting))


def problem(what: str, expected: str, error: BaseException) -> Problem:
    """Return a failure as a problem; only the platform's own errors keep their text."""
    if isinstance(error, PlatformError):
        return Problem(what, expected, error.message, error.hint or "correct that, then ask again")
    return Problem(
        what,
        expected,
        quoting.cause(error),
        "ask again; if the failure repeats, report this place with the versions in the scorecard",
    )


def refusal(settings: Settings, subject: Subject, found: Problem) -> Verdict:
    """Return the verdict that refuses a subject for one reason.

    Raises:
        registry.governance.adapters.governance_file.ConstitutionError: no constitution is in force
        to judge by.
    """
    governance = governance_file.load(settings)
    enforcement = governance.enforcement(subject.judged_as) or Enforcement.OBSERVE
    evidence_digest = registry_evidence.binding_digest(settings, subject.judged_as)
    reason = Reason(found.what, found.expected, found.found, found.fix)
    document: dict[str, Any] = {
        "schema": scorecard.SCHEMA,
        "subject": {
            "name": subject.name,
            "semver": subject.semver,
            "judged_as": subject.judged_as,
            "manifest_digest": subject.manifest_digest,
        },
        "target": subject.target.value,
        "task": None,
        "score": 0.0,
        "min_score": settings.of(ComplianceSettings).target,
        "passed": False,
        "vetoes": [],
        "enforcement": enforcement.value,
        "approvals_needed": 0,
        "constitution": {
            "constitutional_hash": governance.constitutional_hash,
            "digest": governance.constitution_digest,
        },
        "evidence": {"digest": evidence_digest, "binding": None, "rows": None},
        "principles": [],
        "engine": dict(scorecard.engine()),
        "confinement": [],
        "reasons": [
            {
                "rule": reason.rule,
                "expected": reason.expected,
                "found": reason.found,
                "fix": reason.fix,
            }
        ],
    }
    return scorecard.to_verdict(document)
