"""Bases the governed store on MLflow's SQL store, the gate and the platform's own writes."""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.utils.validation import _validate_model_version
from sqlalchemy import inspect

from infra.component import components
from infra.settings import Settings
from infra.stores import migrations
from registry.bootstrap import open_registry
from registry.domain.records import VersionRecord
from registry.errors import GateClosedError
from registry.governance.adapters.governance_file import ConstitutionError
from registry.plugin.fast_reads import FastReads
from registry.plugin.gate import Admission
from registry.plugin.identity import current_actor
from registry.plugin.side_writes import SideWrites
from registry.versions.catalogue import MAX_NUMBER

in_server = False
"""Set by the server before it opens the store: then a pending request is never waited for."""


class Governed(FastReads):
    """MLflow's SQL store, with the registry's use cases at hand."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.sqlalchemy_url)
        if not inspect(self.engine).has_table("acgs_version"):
            own = [component for component in components() if component.name == "registry"]
            migrations.upgrade(settings, own)
        self.registry = open_registry(settings)
        self.registry.governance.note_in_force()
        self.gate = Admission(self.registry.gate, blocking=not in_server)
        self.also = SideWrites(self.ManagedSessionMaker, self.engine)
        self.ManagedSessionMaker: Any = self.also.sessions

    def _governs(self, name: str) -> bool:
        return self.registry.governance.current().governs(str(name))

    def _reads_governed(self, name: str) -> bool:
        """Return whether a name is governed; all are while the constitution is unreadable."""
        try:
            return self._governs(name)
        except ConstitutionError:
            return True

    def _is_limited(self, name: str) -> bool:
        """Return whether texts must fit MLflow's columns: SQLite accepts longer ones."""
        return self.engine.dialect.name != "sqlite" or self._reads_governed(name)

    def _is_prompt(self, name: str, version: Any) -> bool:
        return self.registry.versions.is_prompt(name, self._number(name, version))

    def _record(self, name: str, version: Any) -> VersionRecord:
        return self.registry.takeover.adopt(name, self._number(name, version), current_actor())

    def _number(self, name: str, version: Any) -> int:
        """Return the number of an existing version; any other is MLflow's own error.

        Raises:
            MlflowException: the name or the number is none, or there is no such version.
        """
        # Within a session, as plain MLflow does: text that is not a number is a different error.
        with self.ManagedSessionMaker():
            number = int(_validate_model_version(version))
        if not 0 < number <= MAX_NUMBER:
            # PostgreSQL's error would name its column instead.
            raise MlflowException(
                f"Model Version (name={name}, version={number}) not found", RESOURCE_DOES_NOT_EXIST
            )
        with self.ManagedSessionMaker() as session:
            self._get_sql_model_version(session, name, number)
        return number

    def _refuse_held(self, record: VersionRecord) -> None:
        reasons = self.registry.blockers.of_version(record)
        if reasons:
            raise GateClosedError(f"{record.ref} cannot be deleted:", reasons)
