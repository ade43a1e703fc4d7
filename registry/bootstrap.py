"""Puts the registry together, and is what other packages import of it.

Importing this opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from infra.settings import Settings
from infra.stores.db import open_engine
from registry.access.service import Access
from registry.audit.service import AuditTrail
from registry.checking.service import Checking
from registry.files.custody import Custody
from registry.files.service import Files
from registry.gate.approvals import Approvals
from registry.gate.delegations import Delegations
from registry.gate.facts import Facts
from registry.gate.screens import KeptScreens
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
    """Names the parts of the registry; callers take the part they need.

    Attributes:
        engine: of the database, for capabilities that keep their own tables beside these.
    """

    engine: Engine
    audit: AuditTrail
    governance: GovernedNames
    access: Access
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
    approvals: Approvals
    delegations: Delegations
    screens: KeptScreens
    standings: Standings
    blockers: Blockers
    whole_models: WholeModels
    checking: Checking


def open_registry(settings: Settings) -> Registry:
    """Return the registry on this installation's database; connects at the first use."""
    return registry_on(open_engine(settings.sqlalchemy_url), settings)


def registry_on(engine: Engine, settings: Settings) -> Registry:
    """Return the registry on a database that is open."""
    governance = GovernedNames(engine, settings)
    files, stages, versions = Files(engine, settings), Stages(engine), Versions(engine)
    registration = Registration(engine, settings)
    takeover = Takeover(engine, versions, files, registration)
    endpoints, rollouts = Endpoints(engine), Rollouts(engine)
    access = Access(engine, settings, governance)
    facts = Facts(governance, access)
    gate = Gate(engine, settings, governance, versions, registration, files, facts)
    return Registry(
        engine=engine,
        audit=AuditTrail(engine),
        governance=governance,
        access=access,
        files=files,
        custody=Custody(engine, settings),
        stages=stages,
        versions=versions,
        registration=registration,
        takeover=takeover,
        comparison=Comparing(engine, settings, files, stages),
        endpoints=endpoints,
        rollouts=rollouts,
        rollbacks=Rollbacks(engine, endpoints, rollouts, files),
        gate=gate,
        approvals=Approvals(engine, gate, facts),
        delegations=Delegations(engine, access),
        screens=KeptScreens(engine),
        standings=Standings(engine, versions),
        blockers=Blockers(engine),
        whole_models=WholeModels(engine, takeover),
        checking=Checking(engine, governance, versions, takeover),
    )
