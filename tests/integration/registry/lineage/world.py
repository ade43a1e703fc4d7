"""A governed store and MLflow's tracking store on one database, driven with times of our own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    RunTag,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from infra.settings import Settings
from registry.bootstrap import Registry
from registry.domain.reasons import Reason
from registry.domain.records import Ask, Progress, Request, Rollout, VersionRecord
from registry.domain.values import Enforcement, RequestKind, RequestState, Stage, Verdict
from registry.governance.adapters.evidence_file import binding_digest
from registry.lineage.service import Lineage
from registry.plugin.store import GovernedStore

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
WORSE = Reason("rollout.error_rate", "no more errors", "more errors", "mend the model")


def minute(number: float) -> datetime:
    """Return a moment after noon."""
    return NOON + timedelta(minutes=number)


@dataclass
class World:
    """One database; tests use names of their own."""

    store: GovernedStore
    tracking: SqlAlchemyStore
    root: Path
    experiment: str = field(init=False)

    def __post_init__(self) -> None:
        self.experiment = self.tracking.create_experiment(f"e-{uuid.uuid4().hex}")

    @property
    def registry(self) -> Registry:
        return self.store.registry

    @property
    def lineage(self) -> Lineage:
        return Lineage(self.registry)

    def name(self) -> str:
        name = f"credit-{uuid.uuid4().hex[:8]}"
        self.store.create_registered_model(name)
        return name

    def run(
        self,
        *datasets: tuple[str, str, str],
        commit: str = "",
        parent: str = "",
        uses: str = "",
    ) -> str:
        """Make a run; datasets are (name, digest, context)."""
        tags = {"mlflow.source.git.commit": commit, "mlflow.parentRunId": parent}
        made = self.tracking.create_run(
            self.experiment, "ada", 1, [RunTag(k, v) for k, v in tags.items() if v], None
        )
        run_id = str(made.info.run_id)
        inputs = [
            DatasetInput(
                Dataset(name, digest, "local", "{}"),
                [InputTag("mlflow.data.context", context)] if context else [],
            )
            for name, digest, context in datasets
        ]
        models = [LoggedModelInput(uses)] if uses else []
        if inputs or models:
            self.tracking.log_inputs(run_id, inputs, models)
        return run_id

    def model(self, run_id: str) -> str:
        """Log a model in a run, with files of its own."""
        made = self.tracking.create_logged_model(self.experiment, "m", run_id)
        folder = Path(str(made.artifact_location).removeprefix("file://"))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MLmodel").write_text(f"flavors: {{}}\n# {made.model_id}\n")
        self.tracking.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
        return str(made.model_id)

    def register(self, name: str, run_id: str | None = None, model: str = "") -> VersionRecord:
        run_id = run_id or self.run()
        model = model or self.model(run_id)
        source = self.tracking.get_logged_model(model).artifact_location
        made = self.store.create_model_version(name, source, run_id)
        return self.registry.versions.find_version(name, str(made.version))

    def promote(self, version: VersionRecord, at: datetime, approver: str = "") -> Request:
        """Ask, judge, approve and settle at a moment."""
        asked = Ask(RequestKind.TRANSITION, version, version.name, Stage.PRODUCTION, "ada")
        request = self.registry.gate.open_request(asked, at)
        if request.state is RequestState.OPEN:
            verdict = Verdict(
                score=0.97,
                passed=True,
                enforcement=Enforcement.ENFORCE,
                approvals_needed=1 if approver else 0,
                reasons=(),
                manifest_digest=request.manifest_digest,
                constitution_digest=self.registry.governance.current().constitution_digest,
                evidence_digest=binding_digest(self.registry.gate.settings, version.name),
                document={"score": 0.97},
            )
            self.registry.gate.attach_verdict(request.id, verdict, at)
            request = self.registry.gate.settle(request.id, at)
            if approver:
                request = self.registry.approvals.approve(request.id, approver, "fine", at)
        assert request.state is RequestState.GRANTED, request
        return request

    def rollout(self, name: str) -> Rollout:
        (found,) = (r for r in self.registry.rollouts.active_rollouts() if r.endpoint == name)
        return found

    def weigh(self, name: str, percent: int, at: datetime) -> None:
        """Do what the deployer does once the gateway has a candidate's weight in force."""
        rollout = self.rollout(name)
        traffic = {rollout.candidate_uid: percent}
        if rollout.stable_uid:
            traffic[rollout.stable_uid] = 100 - percent
        self.registry.rollouts.save_rollout(
            rollout.id, rollout.revision, Progress("progressing", {}, traffic=traffic), at
        )

    def complete(self, name: str, at: datetime) -> None:
        self.registry.rollouts.complete_rollout(self.rollout(name).id, at)

    def fail(self, name: str, at: datetime) -> None:
        self.registry.rollouts.fail_rollout(self.rollout(name).id, [WORSE], at)

    def serve(self, version: VersionRecord, at: datetime) -> None:
        """Promote a version and let its rollout succeed at once."""
        self.promote(version, at)
        self.complete(version.name, at)

    def traffic(self, name: str, at: datetime) -> dict[str, int]:
        """Return percent per semantic version."""
        found = self.lineage.served(name, at)
        return {t.semver: t.share_percent for t in found if t.place == "endpoint"}

    def held(self, name: str, at: datetime) -> dict[str, list[str]]:
        """Return semantic versions per stage or alias."""
        found: dict[str, list[str]] = {}
        for tenure in self.lineage.served(name, at):
            if tenure.place != "endpoint":
                found.setdefault(tenure.slot, []).append(tenure.semver)
        return found


def open_world(root: Path, url: str) -> World:
    settings = Settings(storage_root=root, database_url=url)
    store = GovernedStore(settings)
    tracking: Any = SqlAlchemyStore(settings.sqlalchemy_url, str(root / "artifacts"))
    return World(store, tracking, root)
