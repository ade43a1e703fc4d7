"""Governs registered models: creating, renaming and deleting a name."""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import RegisteredModel
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModel, SqlRegisteredModelTag
from mlflow.utils.validation import _validate_model_name, _validate_model_renaming
from sqlalchemy import Connection

from infra.clock import to_millis, utc_now
from registry.domain.reasons import Reason
from registry.domain.records import Ask
from registry.domain.values import GOVERNED_ALIASES, GOVERNED_STAGES, RequestKind, Stage
from registry.errors import GateClosedError
from registry.plugin import names
from registry.plugin.fast_reads import taken
from registry.plugin.governed import Governed
from registry.plugin.identity import current_actor
from registry.plugin.mlflow_errors import translated
from registry.plugin.reserved_tags import refuse_reserved
from registry.plugin.texts import check_row

ADOPTED_AT_ONCE = 100
"""Versions that get a record while a rename is waited for."""


class GovernedModels(Governed):
    """Governs what may happen to a name."""

    @translated
    def create_registered_model(
        self,
        name: str,
        tags: Any = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a model; a governed name must be unambiguous in a `models:/` URI."""
        _validate_model_name(name)
        limited = self._is_limited(name)
        check_row(SqlRegisteredModel, limited, description=description)
        refuse_reserved(tags, SqlRegisteredModelTag, limited)
        names.check_storable(name)
        if self._governs(name):
            names.check(name)
        return super().create_registered_model(name, tags, description, deployment_job_id)

    @translated
    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> RegisteredModel:
        """Replace a model's description."""
        check_row(SqlRegisteredModel, self._is_limited(name), description=description)
        return super().update_registered_model(name, description, deployment_job_id)

    @translated
    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model; its versions must clear the bar of the new name."""
        _validate_model_renaming(new_name)
        names.check_storable(new_name)
        if not self._governs(name) and not self._governs(new_name):
            return super().rename_registered_model(name, new_name)
        # An unknown model is MLflow's own error.
        super().get_registered_model(name)
        names.check(new_name)
        if new_name != name and self.registry.versions.is_registered(new_name):
            # Said before the gate is asked for what cannot be.
            raise taken(new_name)
        self._refuse_rename(name, new_name)
        actor = current_actor()
        asks = self._rename_asks(name, new_name, actor)
        for ask in asks:
            self.gate.permit(ask)

        def write(connection: Connection) -> None:
            at_ms = to_millis(utc_now())
            for ask in asks:
                self.registry.gate.use_permit(connection, ask, at_ms)
            judged = [ask.version.uid for ask in asks]
            self.registry.whole_models.mark_renamed(
                connection, name, new_name, actor, at_ms, judged=judged
            )

        with self.also(name, write):
            renamed = super().rename_registered_model(name, new_name)
        # What plain MLflow registered gets its record; the rest of many, in the background.
        self.registry.takeover.adopt_oldest(new_name, ADOPTED_AT_ONCE, actor)
        self.registry.whole_models.show_versions(new_name)
        return renamed

    def _refuse_rename(self, name: str, new_name: str) -> None:
        reasons = []
        if self._governs(name) and not self._governs(new_name):
            reasons.append(
                Reason(
                    "governance.left",
                    "a governed name",
                    f"nothing governs {new_name}",
                    "copy the version you need: it is judged on its way out",
                )
            )
        if any(endpoint.name == name for endpoint in self.registry.endpoints.endpoints()):
            reasons.append(
                Reason(
                    "endpoint.serves_name",
                    "a model without an endpoint",
                    f"endpoint {name} serves it",
                    "copy the version to the new name and roll it out there",
                )
            )
        if reasons:
            raise GateClosedError(f"{name} cannot be renamed to {new_name}:", reasons)

    def _rename_asks(self, name: str, new_name: str, actor: str) -> list[Ask]:
        asks = []
        for record in self.registry.whole_models.placed_versions(name, actor):
            position = self.registry.stages.position(record.uid)
            held = [GOVERNED_ALIASES.get(alias.lower()) for alias in position.aliases]
            bars = {position.stage, *held} & GOVERNED_STAGES
            if bars:
                target = Stage.PRODUCTION if Stage.PRODUCTION in bars else Stage.STAGING
                asks.append(Ask(RequestKind.RENAME, record, new_name, target, actor))
        return asks

    @translated
    def delete_registered_model(self, name: str) -> None:
        """Delete a model if none of its versions is in use."""
        super().get_registered_model(name)
        actor = current_actor()
        if self._governs(name):
            for record in self.registry.whole_models.placed_versions(name, actor):
                self._refuse_held(record)

        def write(connection: Connection) -> None:
            self.registry.whole_models.mark_model_deleted(
                connection, name, actor, to_millis(utc_now())
            )

        with self.also(name, write):
            super().delete_registered_model(name)
