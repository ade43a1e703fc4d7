"""An installation in which a model lived for an afternoon, and dossiers of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra import durable
from infra.settings import Settings
from registry.artifacts.bootstrap import open_artifacts
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.keys import own_key
from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.domain.note import KeyKind, Note, SigningKey, VerifierKey
from registry.audit.merkle.sequencing import Sequencer
from registry.audit.merkle.settings import log_folder
from registry.domain.reasons import Reason
from registry.domain.records import Ask, Progress, VersionRecord
from registry.domain.values import Enforcement, RequestKind, Stage, Verdict
from registry.dossier import page
from registry.dossier.making import Dossiers, Made
from registry.governance.adapters.evidence_file import binding_digest
from tests.integration.registry.lineage.world import WORSE, World, minute, open_world

EVENING = minute(600)
PLAN = {"strategy": "canary", "steps": [{"weight_percent": 20, "hold_seconds": 1}]}
MEASURED = {"candidate": {"requests": 400, "bad": 3}, "e_worse": 0.25}


@dataclass
class Office:
    """A world with the log that proves what happens in it.

    Attributes:
        witness: a witness's key; it cosigns what `cosign` gives it.
    """

    world: World
    witness: SigningKey = field(
        default_factory=lambda: SigningKey.of(
            "witness", KeyKind.WITNESS, Ed25519PrivateKey.generate()
        )
    )
    sequencer: Sequencer = field(init=False)

    def __post_init__(self) -> None:
        self.sequencer = open_sequencer(self.world.registry.engine, self.settings)

    @property
    def settings(self) -> Settings:
        return self.world.registry.gate.settings

    @property
    def key(self) -> VerifierKey:
        return own_key(self.settings, KeyKind.LOG).public

    @property
    def log(self) -> Path:
        return log_folder(self.settings)

    @property
    def dossiers(self) -> Dossiers:
        """Return what makes dossiers, which waits for nobody."""
        return Dossiers(self.world.registry.engine, self.settings, sleep=lambda _seconds: None)

    def made(self, name: str, asked: str = "champion", at: datetime = EVENING) -> Made:
        self.sequencer.round()
        return self.dossiers.make(name, asked, at)

    def signed(self, name: str, asked: str = "champion", at: datetime = EVENING) -> bytes:
        return self.dossiers.sign(self.made(name, asked, at))

    def page(self, name: str, asked: str = "champion", at: datetime = EVENING) -> bytes:
        return page.of_envelope(self.signed(name, asked, at))

    def cosign(self) -> None:
        """Have the witness cosign the newest checkpoint."""
        written = log_files.note(self.log, log_files.CHECKPOINT)
        assert written is not None
        note = Note.parse(written)
        cosigned = note.adding(self.witness.sign(note.text, 1_900_000_000))
        durable.replace(self.log / log_files.COSIGNED, str(cosigned).encode())

    def statement(self, record: VersionRecord) -> None:
        open_artifacts(self.settings).statements.sign(record)

    def promote(
        self,
        version: VersionRecord,
        at: datetime,
        *approvers: str,
        passed: bool = True,
        comment: str = "I read the report",
    ) -> int:
        """Ask, judge, approve and settle at a moment; return the request's number."""
        gate = self.world.registry.gate
        asked = Ask(RequestKind.TRANSITION, version, version.name, Stage.PRODUCTION, "ada@cli")
        request = gate.open_request(asked, at)
        digest = self.world.registry.governance.current().constitution_digest
        evidence = binding_digest(self.settings, version.name)
        reason = Reason("performance.accuracy", "at least 0.8", "0.61", "train it on more data")
        reasons = () if passed else (reason,)
        score = 0.97 if passed else 0.6
        verdict = Verdict(
            score=score,
            passed=passed,
            enforcement=Enforcement.ENFORCE,
            approvals_needed=len(approvers),
            reasons=reasons,
            manifest_digest=request.manifest_digest,
            constitution_digest=digest,
            evidence_digest=evidence,
            document=scorecard(request.manifest_digest, digest, evidence, score, len(approvers)),
        )
        gate.attach_verdict(request.id, verdict, at)
        gate.settle(request.id, at)
        for approver in approvers:
            self.world.registry.approvals.approve(request.id, approver, comment, at)
        return request.id

    def step(self, name: str, percent: int, at: datetime) -> None:
        """Give the candidate a weight, as the deployer does."""
        rollout = self.world.rollout(name)
        event = ("rollout.step", {"step": 1, "steps": 1, "weight_percent": percent})
        progress = Progress("progressing", {}, measurement=MEASURED, event=event)
        self.world.registry.rollouts.save_rollout(rollout.id, rollout.revision, progress, at)


def scorecard(
    files: str, constitution: str, evidence: str, score: float, approvals: int
) -> dict[str, Any]:
    """Return a scorecard in the scorer's form."""
    accuracy = {
        "id": "performance.accuracy",
        "check": "performance.accuracy",
        "mode": "score",
        "params": {"floor": 0.7, "target": 0.8},
        "outcome": "pass" if score > 0.9 else "fail",
        "score": score,
        "observed": "accuracy 0.91",
        "expected": "at least 0.8",
        "fix": "",
        "n": 2000,
        "interval": [0.897, 0.922],
        "details": {"accuracy": 0.91},
    }
    return {
        "schema": "acgs.scorecard/v1",
        "subject": {"manifest_digest": files},
        "target": "Production",
        "task": "classification",
        "score": score,
        "min_score": 0.95,
        "passed": score > 0.9,
        "enforcement": "enforce",
        "approvals_needed": approvals,
        "constitution": {"digest": constitution},
        "evidence": {"digest": evidence, "binding": {"sha256": "ab" * 32}, "rows": 2000},
        "principles": [{"title": "It is right often enough", "rules": [accuracy]}],
        "engine": {"scikit-learn": "1.9.1"},
        "confinement": [],
    }


@contextmanager
def office(root: Path, url: str) -> Iterator[Office]:
    """Open an installation, and close what it opened."""
    world = open_world(root, url)
    opened = Office(world)
    try:
        yield opened
    finally:
        opened.sequencer.close()
        world.registry.engine.dispose()
        world.store.engine.dispose()
        world.tracking.engine.dispose()


def afternoon(office: Office) -> str:
    """Let a model live: two versions reach traffic, a third is rolled back. Return its name."""
    world = office.world
    name = world.name()
    first, second, third = (
        world.register(name, world.run(("loans", f"d{number}", ""), commit="c" * 39 + str(number)))
        for number in range(3)
    )
    for version in (first, second):
        office.statement(version)
    world.registry.endpoints.create_endpoint(name, "acgs", PLAN, "olga@cli", minute(0))
    office.promote(first, minute(1), "ben@cli", "cleo@cli")
    world.complete(name, minute(5))
    office.promote(second, minute(10), "ben@cli")
    office.step(name, 20, minute(12))
    world.complete(name, minute(20))
    office.promote(third, minute(30), "cleo@cli")
    office.step(name, 20, minute(32))
    world.registry.rollouts.fail_rollout(world.rollout(name).id, [WORSE], minute(40))
    return name
