"""The registry as other packages see it: its parts, put together in `registry.bootstrap`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from registry.audit.service import AuditTrail
from registry.checking.service import Checking
from registry.files.custody import Custody
from registry.files.service import Files
from registry.gate.service import Gate
from registry.governance.service import GovernedNames
from registry.retirement.blockers import Blockers
from registry.retirement.standing import Standings
from registry.retirement.whole_models import WholeModels
from registry.rollouts.endpoints import Endpoints
from registry.rollouts.rollbacks import Rollbacks
from registry.rollouts.service import Rollouts
from registry.stages.service import Stages
from registry.versions.catalogue import Versions
from registry.versions.comparison import Comparing
from registry.versions.registration import Registration
from registry.versions.takeover import Takeover


@dataclass(frozen=True, slots=True)
class Registry:
    """Parts that callers take as they need them.

    Attributes:
        engine: of the database, for capabilities that keep their own tables beside these.
    """

    engine: Engine
    audit: AuditTrail
    governance: GovernedNames
    files: Files
    custody: Custody
    stages: Stages
    versions: Versions
    registration: Registration
    takeover: Takeover
    comparison: Comparing
    endpoints: Endpoints
    rollouts: Rollouts
    rollbacks: Rollbacks
    gate: Gate
    standings: Standings
    blockers: Blockers
    whole_models: WholeModels
    checking: Checking
