"""Governs where a version stands: stages and aliases, entered only through the gate."""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_version,
)

from infra.clock import utc_now
from registry.domain.reasons import Reason
from registry.domain.records import VersionRecord
from registry.domain.values import CHAMPION, GOVERNED_ALIASES, GOVERNED_STAGES, Stage
from registry.errors import GateClosedError
from registry.plugin import names
from registry.plugin.gate import ask_for_alias, ask_for_stage
from registry.plugin.governed import Governed
from registry.plugin.identity import current_actor
from registry.plugin.mlflow_errors import translated

_PROMPT = "a prompt, which has no files to judge"


class GovernedPlaces(Governed):
    """Governs stages and aliases."""

    @translated
    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Move a version: into Staging and Production only through the gate."""
        target = Stage.parse(stage) if isinstance(stage, str) else None
        archives = bool(archive_existing_versions)
        if (
            not self._governs(name)
            # An unknown stage is MLflow's own error, and so is to archive what is in no active one.
            or target is None
            or (archives and target not in GOVERNED_STAGES)
        ):
            return super().transition_model_version_stage(
                name, version, stage, archive_existing_versions
            )
        if self._is_prompt(name, version):
            if target in GOVERNED_STAGES:
                raise _no_stage(name, version, target)
            return super().transition_model_version_stage(name, version, stage, archives)
        self._move(self._record(name, version), target, archives)
        return super().get_model_version(name, version)

    def _move(self, record: VersionRecord, target: Stage, archives: bool) -> None:
        actor = current_actor()
        if self.registry.stages.stage_of(record) is target:
            if archives:
                self.registry.blockers.archive_others(record, target, actor, utc_now())
        elif target not in GOVERNED_STAGES:
            self.registry.blockers.retire(record, target, actor, utc_now())
        else:
            if target is not Stage.PRODUCTION:
                self.registry.blockers.must_not_serve(record, target)
            self.gate.pass_or_raise(ask_for_stage(record, target, actor, archive=archives))

    @translated
    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Point an alias at a version; `champion` and `challenger` only through the gate."""
        if not self._governs(name):
            super().set_registered_model_alias(name, alias, version)
            return
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
        _validate_model_version(version)
        if alias.lower() not in GOVERNED_ALIASES:
            self._check_alias(name, alias, version)
            super().set_registered_model_alias(name, alias, version)
            return
        if self._is_prompt(name, version):
            raise _no_alias(name, alias)
        record = self._record(name, version)
        position = self.registry.stages.position(record.uid)
        if alias.lower() in position.aliases or self._is_on_its_way(record, alias):
            return
        self.gate.pass_or_raise(ask_for_alias(record, alias, current_actor()))

    def _check_alias(self, name: str, alias: str, version: Any) -> None:
        """Refuse an alias that misleads about a model; a prompt may have any alias."""
        try:
            names.check_alias(alias)
        except names.ModelNameError:
            if not self._is_prompt(name, version):
                raise

    def _is_on_its_way(self, record: VersionRecord, alias: str) -> bool:
        """Return whether the version is being rolled out, which ends in the champion alias."""
        return alias.lower() == CHAMPION and any(
            rollout.candidate_uid == record.uid
            for rollout in self.registry.rollouts.active_rollouts()
        )

    @translated
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; a governed one only once its version has left the stage."""
        _validate_model_alias_name(alias)
        if alias.lower() in GOVERNED_ALIASES and self._governs(name):
            reasons = self.registry.blockers.of_alias(name, alias)
            if reasons:
                raise GateClosedError(f"alias {alias} of {name} cannot be removed:", reasons)
            self.registry.blockers.remove_alias(name, alias, current_actor(), utc_now())
        super().delete_registered_model_alias(name, alias)


# Nothing can judge what has no files. A prompt's tags could be taken off, and the place would be
# held by a version that nobody judged.


def _no_alias(name: str, alias: str) -> GateClosedError:
    reason = Reason(
        "alias.prompt",
        "a model's version",
        _PROMPT,
        f"choose another alias for the prompt than {' or '.join(GOVERNED_ALIASES)}",
    )
    return GateClosedError(f"alias {alias} of {name} cannot be set:", [reason])


def _no_stage(name: str, version: Any, stage: Stage) -> GateClosedError:
    reason = Reason(
        "stage.prompt", "a model's version", _PROMPT, "give the prompt an alias instead"
    )
    return GateClosedError(f"version {version} of {name} cannot move to {stage}:", [reason])
