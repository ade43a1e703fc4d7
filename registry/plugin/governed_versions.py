"""Governs model versions: registering, describing and deleting one."""

from __future__ import annotations

from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion, SqlModelVersionTag
from mlflow.utils.validation import _validate_model_name, _validate_model_version
from sqlalchemy import Connection

from infra.clock import to_millis, utc_now
from registry.adapters.mirror import Shown, own_words
from registry.adapters.mlflow_tables import PROMPT_SOURCES
from registry.domain.records import Ask
from registry.domain.values import RequestKind, Stage
from registry.plugin import governed as server
from registry.plugin.governed import Governed
from registry.plugin.identity import current_actor
from registry.plugin.mlflow_errors import translated
from registry.plugin.reserved_tags import is_reserved, refuse_reserved
from registry.plugin.texts import check_row, check_text


class GovernedVersions(Governed):
    """Governs what may happen to a version, except where it stands."""

    @translated
    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Register a version; one copied across a governed border needs a verdict first."""
        limited = self._is_limited(name)
        check_row(
            SqlModelVersion,
            limited,
            source=source,
            run_id=run_id,
            run_link=run_link,
            description=description,
        )
        check_text("model_id", model_id)
        if source in PROMPT_SOURCES:
            # A prompt has no files: nothing can be judged, and nothing can serve it.
            refuse_reserved(tags, SqlModelVersionTag, limited)
            return super().create_model_version(
                name, source, run_id, tags, run_link, description, local_model_path, model_id
            )
        origin = self.registry.versions.origin(source)
        if origin is not None:
            # MLflow's copy brings the original's tags along; the platform's are about the original.
            tags = [tag for tag in tags or [] if not is_reserved(tag.key)]
        refuse_reserved(tags, SqlModelVersionTag, limited)
        governed = self._governs(name)
        if governed:
            if not isinstance(source, str):
                raise MlflowException.invalid_parameter_value(
                    f"expected the source of a governed version as text, found {source!r}"
                )
            self.registry.files.require_source(source, anywhere=not server.in_server)
        permit = self._copy_ask(name, origin)
        if permit is not None and description is not None:
            description = own_words(description)
        if permit is not None:
            self.gate.permit(permit)
        arguments = (name, source, run_id, tags, run_link, description, local_model_path, model_id)
        if not governed and permit is None:
            with self.also(name):
                return super().create_model_version(*arguments)
        inspected = self.registry.files.inspect(source)
        if governed and inspected.refused is not None:
            raise inspected.refused
        actor = current_actor()
        shown: list[Shown] = []

        def write(connection: Connection) -> None:
            if permit is not None:
                self.registry.gate.use_permit(connection, permit, to_millis(utc_now()))
            if governed:
                words = "" if description is None else str(description)
                new = self.registry.registration.record_new(
                    connection, name, inspected, actor, words
                )
                shown.append(new)

        with self.also(name, write):
            created = super().create_model_version(*arguments)
        # MLflow made its answer before the platform wrote the description and the tags.
        for new in shown:
            created.description = new.description
            for key, value in new.tags.items():
                created._add_tag(ModelVersionTag(key, value))
        return created

    def _copy_ask(self, name: str, origin: tuple[str, int] | None) -> Ask | None:
        """Return what a copy across a governed border must ask for.

        A copy within a model asks for nothing: like any new version it stands nowhere, and is
        judged at its own request.
        """
        if origin is None or origin[0] == name:
            return None
        if not (self._governs(name) or self._governs(origin[0])):
            return None
        # An unknown destination is MLflow's own error, and needs no permission.
        _validate_model_name(name)
        super().get_registered_model(name)
        record = self.registry.takeover.adopt(*origin, current_actor())
        if self._governs(name):
            return Ask(RequestKind.COPY, record, name, Stage.STAGING, current_actor())
        # Nothing judges it again where it goes, so it must clear the highest bar here.
        return Ask(RequestKind.COPY, record, record.name, Stage.PRODUCTION, current_actor())

    @translated
    def update_model_version(
        self, name: str, version: Any, description: str | None = None
    ) -> ModelVersion:
        """Replace a description; the platform's line stays below."""
        check_row(SqlModelVersion, self._is_limited(name), description=description)
        if not self._governs(name):
            return super().update_model_version(name, version, description)
        shown: list[str] = []

        number = self._number(name, version)

        def write(connection: Connection) -> None:
            shown.append(self.registry.blockers.refresh_mirror(connection, name, number))

        with self.also(None, write):
            updated: ModelVersion = super().update_model_version(name, version, description)
        updated.description = shown[0] if shown[0] or description is not None else None
        return updated

    @translated
    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version that has no blocker."""
        _validate_model_version(version)
        if not self._governs(name) or self._is_prompt(name, version):
            self._delete_plain(name, version)
            return
        record = self._record(name, version)
        self._refuse_held(record)
        actor = current_actor()
        with self.also(
            name,
            lambda c: self.registry.blockers.mark_deleted(c, record, actor, to_millis(utc_now())),
        ):
            super().delete_model_version(name, version)

    def _delete_plain(self, name: str, version: Any) -> None:
        """Delete as plain MLflow does, with any record of having been judged elsewhere."""
        known = self.registry.versions.live_record(name, self._number(name, version))
        if known is None:
            super().delete_model_version(name, version)
            return
        actor = current_actor()
        with self.also(
            name,
            lambda c: self.registry.blockers.mark_deleted(c, known, actor, to_millis(utc_now())),
        ):
            super().delete_model_version(name, version)
