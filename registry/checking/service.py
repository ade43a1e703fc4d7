"""Finds what is wrong with versions, and repairs what can be repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from infra.clock import to_millis
from infra.stores.db import reading, transaction
from registry.audit.adapters import events
from registry.checking.adapters import resolution, snapshots
from registry.checking.domain.health import examine
from registry.checking.domain.resolution import foresee
from registry.domain.findings import Action, Finding
from registry.domain.records import Act
from registry.errors import UnknownVersionError
from registry.governance.service import GovernedNames
from registry.versions.catalogue import Versions
from registry.versions.takeover import Takeover


@dataclass(frozen=True, slots=True)
class Checking:
    """Checks versions and resolves findings, one audited step at a time."""

    engine: Engine
    governance: GovernedNames
    versions: Versions
    takeover: Takeover

    def checkable_names(self) -> Sequence[str]:
        """Return the governed models that have versions."""
        governance = self.governance.current()
        with reading(self.engine) as connection:
            return [name for name in snapshots.names(connection) if governance.governs(name)]

    def require_model(self, name: str) -> None:
        """Refuse a model that has no versions, in MLflow or in the records.

        Raises:
            UnknownVersionError: it has none.
        """
        with reading(self.engine) as connection:
            known = snapshots.read(connection, name)
        if not known.rows and not known.live:
            raise UnknownVersionError(
                f"no model {name} is registered with a version", hint="acgs model list"
            )

    def check_versions(self, name: str) -> Sequence[Finding]:
        """Return everything that is wrong with a model's versions."""
        with reading(self.engine) as connection:
            return examine(snapshots.read(connection, name))

    def foresee_steps(self, name: str) -> Sequence[Finding]:
        """Return the findings whose steps a resolution would carry out, in order."""
        with reading(self.engine) as connection:
            return foresee(snapshots.read(connection, name))

    def resolve_finding(self, finding: Finding, actor: str, at: datetime) -> bool:
        """Carry out a finding's step and record the event, in one transaction.

        Safe to repeat and to interrupt: whether the finding still stands is looked at again
        inside the transaction.

        Returns:
            Whether something was changed; False where the finding does not stand any more.
        """
        step = finding.step
        if step is None:
            return False
        if step.action is Action.ADOPT:
            return self._adopt_missing(finding, actor, at)
        with transaction(self.engine) as connection:
            if finding not in examine(snapshots.read(connection, finding.name)):
                return False
            act = Act(actor, to_millis(at))
            resolution.carry_out(connection, finding.name, step, act)
            _note(connection, finding, act)
        return True

    def _adopt_missing(self, finding: Finding, actor: str, at: datetime) -> bool:
        if finding.version is None or self.versions.live_record(finding.name, finding.version):
            return False
        # Hashing its files takes as long as it takes: adopting locks nothing meanwhile.
        self.takeover.adopt(finding.name, finding.version, actor)
        with transaction(self.engine) as connection:
            _note(connection, finding, Act(actor, to_millis(at)))
        return True


def _note(connection: Connection, finding: Finding, act: Act) -> None:
    events.record(
        connection,
        "version_finding.resolved",
        act,
        name=finding.name,
        version=finding.version,
        data={key: value for key, value in asdict(finding).items() if key not in {"name"}},
    )
