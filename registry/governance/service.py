"""Reads and records which constitution is in force; refuses one that replaces another unseen."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from infra.clock import to_millis, utc_now
from infra.errors import NotPreparedError
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from infra.stores.db import transaction
from registry.domain import canonical
from registry.domain.records import Act
from registry.domain.values import SYSTEM
from registry.governance.adapters import constitution_memory, evidence_file, governance_file
from registry.governance.adapters.constitution_memory import Document, InForce, NotInForceError
from registry.governance.adapters.governance_file import ConstitutionError
from registry.governance.domain.governance import Governance


@dataclass(frozen=True, slots=True)
class GovernedNames:
    """Reads which names are governed by the constitution in force."""

    engine: Engine
    settings: Settings

    def current(self) -> Governance:
        """Return what is governed now; writes nothing.

        Raises:
            ConstitutionError: there is no valid constitution, or the shipped one took the place
                of this installation's own; nothing may be granted.
        """
        found = governance_file.load(self.settings)
        constitution_memory.require(self.engine, self._in_force(found), strict=self._is_strict)
        return found

    def note_in_force(self) -> None:
        """Record which constitution is in force, when a role starts that may act by it.

        Raises:
            ConstitutionError: as `current`.
        """
        # Where there is no database, nothing was ever decided. A server starts with a document
        # that is not in force, so that somebody can put it in force; until then nothing is granted.
        with suppress(NotPreparedError, NotInForceError), transaction(self.engine) as connection:
            self.noted(connection, to_millis(utc_now()))
            self._note_first_evidence(connection, to_millis(utc_now()))

    def noted(self, connection: Connection, at_ms: int) -> Governance:
        """Return what is governed now, recorded in the transaction that decides by it.

        Raises:
            ConstitutionError: as `current`.
        """
        found = governance_file.load(self.settings)
        constitution_memory.note(connection, self._in_force(found), at_ms, strict=self._is_strict)
        return found

    def adopt_constitution(self, act: Act, *, dry_run: bool = False) -> str:
        """Put the constitution that the files say in force, and return its digest.

        Raises:
            ConstitutionError: there is no valid constitution.
        """
        found = self._in_force(governance_file.load(self.settings))
        self._adopt(Document.CONSTITUTION, found, act, dry_run)
        return found.digest

    def adopt_evidence(self, act: Act, *, dry_run: bool = False) -> str:
        """Put the evidence catalogue that the file says in force, and return its digest.

        Raises:
            ConstitutionError: the catalogue cannot be read.
        """
        found = self._evidence()
        if found.document is None:
            raise ConstitutionError(
                "expected a readable evidence catalogue, found none", hint="acgs evidence check"
            )
        self._adopt(Document.EVIDENCE, found, act, dry_run)
        return found.digest

    def evidence_digest(self, connection: Connection, name: str) -> str:
        """Return the digest of the evidence in force for a name.

        Where callers are known, one that nobody put in force is `NOT_ADOPTED`.
        """
        if self._is_strict:
            adopted = constitution_memory.recall(connection, Document.EVIDENCE)
            present = evidence_file.catalogue_digest(self.settings)
            if adopted is not None and adopted.digest != present:
                return evidence_file.NOT_ADOPTED
        return evidence_file.binding_digest(self.settings, name)

    def _adopt(self, document: Document, found: InForce, act: Act, dry_run: bool) -> None:
        if dry_run:
            return
        with transaction(self.engine) as connection:
            if constitution_memory.recall(connection, document) != found:
                constitution_memory.adopt(connection, document, found, act)
        constitution_memory.forget()

    def _note_first_evidence(self, connection: Connection, at_ms: int) -> None:
        if constitution_memory.recall(connection, Document.EVIDENCE) is None and self._is_strict:
            found = self._evidence()
            constitution_memory.adopt(connection, Document.EVIDENCE, found, Act(SYSTEM, at_ms))

    def _evidence(self) -> InForce:
        bindings = evidence_file.catalogue(self.settings)
        digest = evidence_file.UNREADABLE if bindings is None else canonical.digest(bindings)
        return InForce(digest, own=True, document=bindings)

    @property
    def _is_strict(self) -> bool:
        return not self.settings.of(IdentitySettings).is_open

    def _in_force(self, found: Governance) -> InForce:
        own = not governance_file.is_shipped(self.settings)
        return InForce(found.constitution_digest, own, found.document)
