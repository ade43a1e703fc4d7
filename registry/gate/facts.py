"""Gathers what a decision needs, in the transaction that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from registry.access.domain.rules import Roles
from registry.adapters import version_rows
from registry.domain.canonical import digest
from registry.domain.records import Request
from registry.domain.values import Enforcement, RequestKind, Stage, Standing
from registry.files.adapters import custody_rows
from registry.gate.adapters import ballots, participants, verdicts
from registry.gate.domain.decision import RequestFacts
from registry.gate.domain.tally import Electorate
from registry.governance.domain.governance import Governance
from registry.governance.service import GovernedNames
from registry.rollouts.adapters import rollout_rows
from registry.stages.adapters import positions


class RolesInForce(Protocol):
    """Says which roles are in force."""

    @property
    def is_open(self) -> bool:
        """Whether names are claims."""
        ...

    def current_in(self, connection: Connection) -> Roles | None:
        """Return the roles in force as a transaction sees them; None before the first."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Gathers facts about requests."""

    governance: GovernedNames
    access: RolesInForce

    def gather(
        self,
        connection: Connection,
        request: Request,
        governance: Governance,
        at_ms: int,
        manifest_digest: str | None,
    ) -> RequestFacts:
        """Return the facts about a request, as one snapshot.

        Args:
            connection: of the transaction that decides.
            request: as that transaction sees it.
            governance: what is governed now.
            at_ms: the moment at which approvals and the request may have expired.
            manifest_digest: of the files now; None when they cannot be read.
        """
        card = verdicts.scorecard_of(connection, request.id)
        record = version_rows.version_by_uid(connection, request.version_uid)
        rollout = rollout_rows.active_rollout(connection, request.name)
        return RequestFacts(
            kind=request.kind,
            target=request.target,
            request_manifest_digest=request.manifest_digest,
            manifest_digest=manifest_digest,
            constitution_digest=governance.constitution_digest,
            evidence_digest=self.governance.evidence_digest(connection, request.judged_as),
            # A name that nothing governs any more is still held to the strictest mode here: the
            # request was made while it was governed.
            enforcement=governance.enforcement(request.judged_as) or Enforcement.ENFORCE,
            from_stage=request.from_stage,
            current_stage=positions.position(connection, record).stage if record else None,
            scorecard=verdicts.judged(card) if card else None,
            ballots=ballots.ballots(connection, request.id),
            electorate=self._electorate(connection, request, governance, at_ms),
            created_ms=request.created_ms,
            plan_digest=_plan_digest(connection, request),
            served_before=request.kind is RequestKind.TRANSITION
            and verdicts.served_before(
                connection, request.name, request.version_uid, request.manifest_digest
            ),
            rollout_in_progress=rollout is not None,
            standing=record.standing if record else Standing.ACTIVE,
            standing_reason=record.standing_reason if record else None,
            prerelease=record.semver if record and record.prerelease else None,
            unusable=custody_rows.unusable(connection, request.version_uid),
        )

    def _electorate(
        self, connection: Connection, request: Request, governance: Governance, at_ms: int
    ) -> Electorate:
        return Electorate(
            rules=governance.approval_rules(request.target),
            name=request.judged_as,
            target=request.target,
            roles=self.access.current_in(connection),
            parts=participants.parts(connection, request),
            is_open=self.access.is_open,
            now_ms=at_ms,
        )


def _plan_digest(connection: Connection, request: Request) -> str | None:
    if request.kind is not RequestKind.TRANSITION or request.target is not Stage.PRODUCTION:
        return None
    endpoint = rollout_rows.endpoint(connection, request.name)
    return digest(dict(endpoint.plan)) if endpoint else None
