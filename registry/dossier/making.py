"""Makes a dossier from the audit trail, and proves it to itself before it is signed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version as release

from sqlalchemy import Connection, Engine

from infra.clock import Clock, to_millis, utc_now
from infra.settings import Settings
from infra.stores.db import reading
from registry.artifacts.adapters import rows as artifact_rows
from registry.artifacts.adapters.keys import SigningKeys
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.keys import own_key
from registry.audit.merkle.domain.checkpoint import Signed
from registry.audit.merkle.domain.note import KeyKind, VerifierKey
from registry.audit.merkle.domain.proofs import inclusion_proof
from registry.audit.merkle.proving import nodes_of
from registry.audit.merkle.settings import log_folder
from registry.dossier.adapters import record_rows
from registry.dossier.adapters.record_rows import Numbered
from registry.dossier.domain.dossier import Dossier, Proven
from registry.dossier.domain.envelope import sign
from registry.dossier.domain.history import History, Version
from registry.dossier.domain.json_values import text
from registry.dossier.domain.logged_event import LoggedEvent, digests
from registry.dossier.domain.selection import RENAMED, is_about, spans_of
from registry.dossier.domain.story import tell
from registry.dossier.errors import NothingThenError, NotSignedYetError

PAUSE_SECONDS, TRIES = 0.25, 16
"""The manager signs what is new within half a second."""


@dataclass(frozen=True, slots=True)
class Made:
    """A dossier that proved itself.

    Attributes:
        version: semantic version that it is about.
        payload: to be signed.
    """

    dossier: Dossier
    version: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The events of a model with their entries, all numbered, and what they tell of a version."""

    entries: Sequence[Numbered]
    events: Sequence[LoggedEvent]
    history: History
    version: Version


@dataclass(frozen=True, slots=True)
class Dossiers:
    """Makes and signs dossiers with this installation's record and key."""

    engine: Engine
    settings: Settings
    clock: Clock = utc_now
    sleep: Callable[[float], None] = field(default=time.sleep)

    def make(self, name: str, asked: str, at: datetime) -> Made:
        """Make a dossier.

        Args:
            name: of the model, at the moment.
            asked: an alias, a semantic version, a number or a stage.
            at: the moment to tell.

        Raises:
            NothingThenError: there was no such version.
            NotSignedYetError: no checkpoint covers its events yet.
            NotProvenError: the database's events are not what the log's files have.
        """
        key = own_key(self.settings, KeyKind.LOG).public
        at_ms = to_millis(at)
        gathered, signed = self._covered(name, asked, at_ms, key)
        with reading(self.engine) as connection:
            texts = self._documents(connection, gathered)
            statements, keys = self._statements(connection, gathered)
        dossier = Dossier(
            name=name,
            asked=asked,
            at_ms=at_ms,
            made_ms=to_millis(self.clock()),
            made_by=f"acgs-mlops {release('acgs-mlops')}",
            checkpoint=str(signed.note),
            entries=self._proven(gathered.entries, signed),
            documents=texts,
            statements=statements,
            keys=keys,
        )
        story = tell(dossier.evidence([key]))
        payload = dossier.payload(story)
        # Nothing is signed that could not be read again.
        Dossier.read(payload)
        return Made(dossier, gathered.version.semver, payload)

    def sign(self, made: Made) -> bytes:
        """Sign a dossier with the audit log's key, and return it as JSON."""
        return sign(made.payload, own_key(self.settings, KeyKind.LOG))

    def _covered(
        self, name: str, asked: str, at_ms: int, key: VerifierKey
    ) -> tuple[_Gathered, Signed]:
        """Return the events of a version's model, with a checkpoint that covers them all."""
        for attempt in range(TRIES):
            if attempt:
                self.sleep(PAUSE_SECONDS)
            with reading(self.engine) as connection:
                entries = self._events(connection, name, at_ms)
            signed = None if entries is None else self._covering(entries, key)
            if entries is not None and signed is not None:
                return _gathered(name, asked, entries), signed
        raise NotSignedYetError(
            f"expected a checkpoint of the audit log over every event of {name}, found none yet",
            hint="the role manager signs within a second while it runs; acgs health says more",
        )

    def _events(self, connection: Connection, name: str, at_ms: int) -> Sequence[Numbered] | None:
        """Return a model's events; None as long as one has no number."""
        names = record_rows.names_renamed(connection, name, at_ms)
        found = record_rows.events_of(connection, names, at_ms)
        if not any(event.name in names for event in found):
            raise NothingThenError(
                f"expected events about {name} up to that time, found none",
                hint="acgs model list; a model that was renamed is known by the name it had then",
            )
        return None if any(event.sequence is None for event in found) else found

    def _covering(self, entries: Sequence[Numbered], key: VerifierKey) -> Signed | None:
        """Return a checkpoint over all entries, the cosigned one if it covers them."""
        last = max(entry.sequence or 0 for entry in entries)
        for file in (log_files.COSIGNED, log_files.CHECKPOINT):
            written = log_files.note(log_folder(self.settings), file)
            if written is not None:
                signed = Signed.open(written, [key])
                if last < signed.checkpoint.size:
                    return signed
        return None

    def _proven(self, entries: Sequence[Numbered], signed: Signed) -> list[Proven]:
        size = signed.checkpoint.size
        with nodes_of(log_folder(self.settings), signed) as nodes:
            return [
                Proven(one.entry, tuple(inclusion_proof(one.sequence or 0, size, nodes)))
                for one in entries
            ]

    def _documents(self, connection: Connection, gathered: _Gathered) -> Mapping[str, str]:
        """Return the documents that events name: of the version, and the roles."""
        about = [
            event
            for request in gathered.history.requests.values()
            if request.version_uid == gathered.version.uid
            for event in request.verdicts
        ]
        adopted = [event for event in gathered.events if event.type == "access.changed"]
        wanted = {
            str(value)
            for event in (gathered.version.registered, *about)
            for value in digests(event).values()
        } | {text(event.data.get("digest")) for event in adopted}
        ids = [event.request_id for event in about if event.request_id is not None]
        return record_rows.documents(connection, wanted, ids)

    def _statements(
        self, connection: Connection, gathered: _Gathered
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return the version's signed statement with its public key, where an event names it."""
        version = gathered.version
        known = artifact_rows.statement_of(connection, version.uid)
        if known is None or version.signed is None:
            return {}, {}
        envelope = known[0]
        if envelope.digest != version.signed.data.get("statement_digest"):
            return {}, {}
        pem = SigningKeys(self.settings).public_pem(envelope.key_id)
        return {version.uid: envelope.document()}, {envelope.key_id: pem}


def _gathered(name: str, asked: str, numbered: Sequence[Numbered]) -> _Gathered:
    all_events = [LoggedEvent.read(one.entry) for one in numbered]
    spans = spans_of(name, [event for event in all_events if event.type == RENAMED])
    pairs = [
        (one, event)
        for one, event in zip(numbered, all_events, strict=True)
        if is_about(event, spans)
    ]
    events = [event for _, event in pairs]
    history = History.of(spans, events)
    version = history.find(name, asked)
    return _Gathered([one for one, _ in pairs], events, history, version)
