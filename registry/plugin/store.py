"""MLflow's registry store, governed, under a scheme of its own.

`acgs+sqlite://` and `acgs+postgresql://` never override MLflow's schemes: if this plugin is
missing, MLflow knows no such scheme and fails, instead of running ungoverned.
Everything MLflow does through REST, the UI or an in-process client passes here.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url

from infra import migrations
from infra.clock import to_millis, utc_now
from infra.component import components
from infra.settings import Settings, load_settings
from registry.adapters.governance_file import ConstitutionError
from registry.adapters.mlflow_tables import PROMPT_SOURCE
from registry.bootstrap import open_registry
from registry.domain.values import (
    CHAMPION,
    GOVERNED_ALIASES,
    GOVERNED_STAGES,
    RESERVED_TAG_PREFIX,
    Reason,
    RequestKind,
    Stage,
)
from registry.errors import GateClosedError, ReservedTagError, UnknownVersionError
from registry.finding import MAX_NUMBER
from registry.plugin import names
from registry.plugin.gate import Gate, ask_for_alias, ask_for_stage
from registry.plugin.identity import current_actor
from registry.plugin.mlflow_errors import translated
from registry.plugin.side_writes import SideWrites
from registry.records import Ask, VersionRecord

_SCHEME = "acgs+"

in_server = False
"""Set by the server before it opens the store: then a pending request is never waited for."""


def open_store(store_uri: str, tracking_uri: str | None = None) -> GovernedStore:
    """Entry point of `mlflow.model_registry_store`.

    Raises:
        MlflowException: the constitution is unreadable, or the database is away.
    """
    del tracking_uri  # artifacts are found through the database
    return translated(_open)(store_uri)


def _open(store_uri: str) -> GovernedStore:
    url = store_uri.removeprefix(_SCHEME)
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg2://" + url.removeprefix("postgresql://")
    settings = load_settings(database_url=url, storage_root=_storage_root(url))
    return GovernedStore(settings)


def _storage_root(url: str) -> Path | None:
    """The folder of a SQLite database, unless the environment names another root."""
    database = make_url(url).database
    if os.environ.get("MLOPS_STORAGE_ROOT") or not url.startswith("sqlite") or not database:
        return None
    return Path(database).absolute().parent


class GovernedStore(SqlAlchemyStore):
    """MLflow's SQL store with a gate in front of every way into a governed place."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.sqlalchemy_url)
        if not inspect(self.engine).has_table("acgs_version"):
            own = [component for component in components() if component.name == "registry"]
            migrations.upgrade(settings, own)
        self.registry = open_registry(settings)
        self.registry.governance()
        self.gate = Gate(self.registry, blocking=not in_server)
        self.also = SideWrites(self.ManagedSessionMaker, self.engine.dialect.name)
        self.ManagedSessionMaker: Any = self.also.sessions

    # Names

    @translated
    def create_registered_model(
        self,
        name: str,
        tags: Any = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> RegisteredModel:
        """Create a model; a governed name must be unambiguous in a `models:/` URI."""
        _refuse_reserved(tags)
        if self._governs(name):
            names.check(name)
        return super().create_registered_model(name, tags, description, deployment_job_id)

    @translated
    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Rename a model; what it holds must clear the bar of the new name."""
        if not self._governs(name) and not self._governs(new_name):
            return super().rename_registered_model(name, new_name)
        # An unknown model is MLflow's own error.
        super().get_registered_model(name)
        names.check(new_name)
        self._refuse_rename(name, new_name)
        actor = current_actor()
        asks = self._rename_asks(name, new_name, actor)
        for ask in asks:
            self.gate.permit(ask)

        def write(connection: Connection) -> None:
            at_ms = to_millis(utc_now())
            for ask in asks:
                self.registry.use_permit(connection, ask, at_ms)
            self.registry.mark_renamed(connection, name, new_name, actor, at_ms)

        with self.also(write):
            renamed = super().rename_registered_model(name, new_name)
        # Versions that plain MLflow registered get their record now, and all show it.
        self._held(new_name)
        self.registry.show_versions(new_name)
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
        if any(endpoint.name == name for endpoint in self.registry.endpoints()):
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
        for record in self._held(name):
            position = self.registry.position(record.uid)
            held = [GOVERNED_ALIASES.get(alias.lower()) for alias in position.aliases]
            bars = {position.stage, *held} & GOVERNED_STAGES
            if bars:
                target = Stage.PRODUCTION if Stage.PRODUCTION in bars else Stage.STAGING
                asks.append(Ask(RequestKind.RENAME, record, new_name, target, actor))
        return asks

    def _held(self, name: str) -> list[VersionRecord]:
        return [
            self.registry.adopt(name, number, current_actor())
            for number in self.registry.live_numbers(name)
        ]

    @translated
    def delete_registered_model(self, name: str) -> None:
        """Delete a model none of whose versions is in use."""
        super().get_registered_model(name)
        if self._governs(name):
            records = self._held(name)
            for record in records:
                self._refuse_held(record)
        else:
            records = list(self.registry.versions(name))
        actor = current_actor()

        def write(connection: Connection) -> None:
            for record in records:
                self.registry.mark_deleted(connection, record, actor, to_millis(utc_now()))

        with self.also(write):
            super().delete_registered_model(name)

    # Versions

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
        """Register a version; what was registered elsewhere crosses a governed border judged."""
        if source == PROMPT_SOURCE:
            # A prompt has no files: nothing can be judged, and nothing can serve it.
            _refuse_reserved(tags)
            return super().create_model_version(
                name, source, run_id, tags, run_link, description, local_model_path, model_id
            )
        origin = self.registry.origin(source, name)
        if origin is not None:
            # MLflow's copy brings the original's tags along; ours are about the original.
            tags = [tag for tag in tags or [] if not _is_reserved(tag.key)]
        _refuse_reserved(tags)
        governed = self._governs(name)
        permit = self._copy_ask(name, origin)
        if permit is not None:
            self.gate.permit(permit)
        arguments = (name, source, run_id, tags, run_link, description, local_model_path, model_id)
        if not governed and permit is None:
            return super().create_model_version(*arguments)
        inspected = self.registry.inspect(source)
        actor = current_actor()

        def write(connection: Connection) -> None:
            if permit is not None:
                self.registry.use_permit(connection, permit, to_millis(utc_now()))
            if governed:
                self.registry.record_version(connection, name, inspected, actor)

        with self.also(write):
            created = super().create_model_version(*arguments)
        return super().get_model_version(name, created.version) if governed else created

    def _copy_ask(self, name: str, origin: tuple[str, int] | None) -> Ask | None:
        if origin is None or not (self._governs(name) or self._governs(origin[0])):
            return None
        record = self.registry.adopt(*origin, current_actor())
        if self._governs(name):
            return Ask(RequestKind.COPY, record, name, Stage.STAGING, current_actor())
        # Nothing judges it again where it goes, so it must clear the highest bar here.
        return Ask(RequestKind.COPY, record, record.name, Stage.PRODUCTION, current_actor())

    @translated
    def update_model_version(
        self, name: str, version: Any, description: str | None = None
    ) -> ModelVersion:
        """Replace a description; the platform's line stays under it."""
        if not self._governs(name):
            return super().update_model_version(name, version, description)
        with self.also(lambda c: self.registry.refresh_mirror(c, name, int(version))):
            super().update_model_version(name, version, description)
        return super().get_model_version(name, version)

    @translated
    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version that nothing holds."""
        if not self._governs(name) or self._is_prompt(name, version):
            self._delete_plain(name, version)
            return
        record = self._record(name, version)
        self._refuse_held(record)
        actor = current_actor()
        with self.also(
            lambda c: self.registry.mark_deleted(c, record, actor, to_millis(utc_now()))
        ):
            super().delete_model_version(name, version)

    def _delete_plain(self, name: str, version: Any) -> None:
        """Delete as plain MLflow does; a record from when it was judged elsewhere goes too."""
        known = self.registry.live_record(name, _number(version))
        if known is None:
            super().delete_model_version(name, version)
            return
        actor = current_actor()
        with self.also(lambda c: self.registry.mark_deleted(c, known, actor, to_millis(utc_now()))):
            super().delete_model_version(name, version)

    def _refuse_held(self, record: VersionRecord) -> None:
        reasons = self.registry.held_by(record)
        if reasons:
            raise GateClosedError(f"{record.ref} cannot be deleted:", reasons)

    # Stages and aliases

    @translated
    def transition_model_version_stage(
        self, name: str, version: Any, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Move a version: into Staging and Production only through the gate."""
        target = Stage.parse(stage)
        if target is None or not self._governs(name):
            # An unknown stage is MLflow's own error.
            return super().transition_model_version_stage(
                name, version, stage, archive_existing_versions
            )
        record = self._record(name, version)
        position = self.registry.position(record.uid)
        if position.stage is target:
            return super().get_model_version(name, version)
        if target is not Stage.PRODUCTION:
            self.registry.must_not_serve(record, target)
        actor = current_actor()
        if target in GOVERNED_STAGES:
            self.gate.pass_or_raise(
                ask_for_stage(record, target, actor, archive=bool(archive_existing_versions))
            )
        else:
            if archive_existing_versions:
                # MLflow's own error: only Staging and Production can archive the others.
                return super().transition_model_version_stage(name, version, stage, True)
            self.registry.retire(record, target, actor, utc_now())
        return super().get_model_version(name, version)

    @translated
    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Point an alias at a version; `champion` and `challenger` only through the gate."""
        if not self._governs(name) or self._is_prompt(name, version):
            super().set_registered_model_alias(name, alias, version)
            return
        names.check_alias(alias)
        if alias.lower() not in GOVERNED_ALIASES:
            super().set_registered_model_alias(name, alias, version)
            return
        record = self._record(name, version)
        position = self.registry.position(record.uid)
        if alias.lower() in position.aliases or self._is_on_its_way(record, alias):
            return
        self.gate.pass_or_raise(ask_for_alias(record, alias, current_actor()))

    def _is_on_its_way(self, record: VersionRecord, alias: str) -> bool:
        """Whether the version is being rolled out, which ends in the champion alias."""
        return alias.lower() == CHAMPION and any(
            rollout.candidate_uid == record.uid for rollout in self.registry.active_rollouts()
        )

    @translated
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; a governed one only when its version has left the stage."""
        if alias.lower() in GOVERNED_ALIASES and self._governs(name):
            reasons = self.registry.alias_held(name, alias)
            if reasons:
                raise GateClosedError(f"alias {alias} of {name} cannot be removed:", reasons)
            self.registry.remove_alias(name, alias, current_actor(), utc_now())
        super().delete_registered_model_alias(name, alias)

    # Tags

    @translated
    def set_model_version_tag(self, name: str, version: Any, tag: ModelVersionTag) -> None:
        """Set a tag that is not the platform's."""
        _refuse_reserved([tag])
        super().set_model_version_tag(name, version, tag)

    @translated
    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Delete a tag that is not the platform's."""
        _refuse_reserved_key(key)
        super().delete_model_version_tag(name, version, key)

    @translated
    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag that is not the platform's."""
        _refuse_reserved([tag])
        super().set_registered_model_tag(name, tag)

    @translated
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag that is not the platform's."""
        _refuse_reserved_key(key)
        super().delete_registered_model_tag(name, key)

    # Reading: semantic versions in `models:/` URIs

    @translated
    def get_latest_versions(self, name: str, stages: Any = None) -> list[ModelVersion]:
        """Resolve `models:/name/1.2.0` too, which MLflow's client sends as a stage."""
        wanted = list(stages or [])
        if len(wanted) == 1 and names.looks_like_version(wanted[0]):
            record = self.registry.find_version(name, wanted[0])
            return [super().get_model_version(name, record.version)]
        found: list[ModelVersion] = super().get_latest_versions(name, stages)
        if not self._reads_governed(name):
            return found
        return [self._champion_for(version) for version in found]

    def _champion_for(self, version: ModelVersion) -> ModelVersion:
        """Replace an unproven canary in Production by the champion."""
        if version.current_stage != Stage.PRODUCTION.value:
            return version
        number = self.registry.champion_number(version.name)
        if number is None or number == int(version.version):
            return version
        return super().get_model_version(version.name, number)

    @translated
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Resolve `models:/name@1.2.0` too."""
        if names.looks_like_version(alias):
            record = self.registry.find_version(name, alias)
            return super().get_model_version(name, record.version)
        if alias.lower() in GOVERNED_ALIASES and self._reads_governed(name):
            number = self.registry.alias_number(name, alias)
            if number is not None:
                return super().get_model_version(name, number)
        return super().get_model_version_by_alias(name, alias)

    def _governs(self, name: str) -> bool:
        return self.registry.governance().governs(str(name))

    def _reads_governed(self, name: str) -> bool:
        """Whether a read resolves to the champion; an unreadable constitution stops no read."""
        try:
            return self._governs(name)
        except ConstitutionError:
            return True

    def _is_prompt(self, name: str, version: Any) -> bool:
        return self.registry.is_prompt(name, _number(version))

    def _record(self, name: str, version: Any) -> VersionRecord:
        return self.registry.adopt(name, _number(version), current_actor())


def _number(version: Any) -> int:
    """Parse a version number as a client sent it; one beyond any column is nobody's."""
    try:
        number = int(version)
    except (TypeError, ValueError) as err:
        raise MlflowException.invalid_parameter_value(
            f"expected a version number, found {version!r}"
        ) from err
    if not 0 < number <= MAX_NUMBER:
        raise UnknownVersionError(f"expected a version number up to {MAX_NUMBER}, found {number}")
    return number


def _is_reserved(key: str) -> bool:
    """Whether a tag is, or looks like, one of the platform's."""
    folded = unicodedata.normalize("NFKC", str(key)).strip().casefold()
    return folded.startswith(RESERVED_TAG_PREFIX)


def _refuse_reserved(tags: Any) -> None:
    for tag in tags or []:
        _refuse_reserved_key(tag.key)


def _refuse_reserved_key(key: str) -> None:
    if _is_reserved(key):
        raise ReservedTagError(
            f"expected a tag outside {RESERVED_TAG_PREFIX}*, found {key}",
            hint=f"tags under {RESERVED_TAG_PREFIX} are written by the platform alone",
        )
