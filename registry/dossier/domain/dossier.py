"""Defines a dossier: the evidence, and the story that is told from it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.audit.merkle.domain.checkpoint import Signed
from registry.audit.merkle.domain.note import VerifierKey
from registry.audit.merkle.domain.proofs import LONGEST, proves_inclusion
from registry.audit.merkle.domain.tree import HASH_BYTES, leaf_hash
from registry.audit.merkle.errors import MalformedError
from registry.audit.merkle.errors import NotProvenError as LogNotProvenError
from registry.domain.canonical import canonical_bytes
from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import History
from registry.dossier.domain.json_values import integer, items, mapping, read_canonical, text
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.selection import RENAMED, is_about, spans_of
from registry.dossier.domain.statements import read_statements
from registry.dossier.domain.story import Evidence
from registry.dossier.errors import NotProvenError

FORMAT = "acgs.dossier/v1"
"""Names form, story and page. Whatever changes one of them gets another name."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry of the log with its inclusion proof, the neighbour first."""

    entry: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Dossier:
    """What a dossier brings along, nothing of it checked yet.

    Attributes:
        name, asked: the model, and how its version is named.
        at_ms: the moment that is told.
        made_ms, made_by: when and by which release it was made, as the platform says.
        checkpoint: the note that the proofs end in.
        entries: of the log, in its order.
        documents: canonical texts by their digests.
        statements: DSSE envelopes about versions, by the versions' uid.
        keys: public keys of these statements as PEM, by their ids.
    """

    name: str
    asked: str
    at_ms: int
    made_ms: int
    made_by: str
    checkpoint: str
    entries: Sequence[Proven]
    documents: Mapping[str, object] = field(hash=False)
    statements: Mapping[str, object] = field(hash=False)
    keys: Mapping[str, object] = field(hash=False)

    def payload(self, story: Mapping[str, object]) -> bytes:
        """Return what is signed: the dossier with its story, in canonical JSON."""
        return canonical_bytes(
            {
                "format": FORMAT,
                "name": self.name,
                "asked": self.asked,
                "at_ms": self.at_ms,
                "made_ms": self.made_ms,
                "made_by": self.made_by,
                "checkpoint": self.checkpoint,
                "entries": [
                    {
                        "entry": one.entry.decode(),
                        "proof": [base64.b64encode(hash_).decode() for hash_ in one.proof],
                    }
                    for one in self.entries
                ],
                "documents": dict(self.documents),
                "statements": dict(self.statements),
                "keys": dict(self.keys),
                "story": dict(story),
            }
        )

    @classmethod
    def read(cls, payload: bytes) -> tuple[Dossier, Mapping[str, object]]:
        """Read what `payload` wrote, and the story in it.

        Raises:
            NotProvenError: it has another form.
        """
        found = read_canonical(payload, "a dossier")
        if found.get("format") != FORMAT:
            raise NotProvenError(
                f"expected a dossier of the format {FORMAT}, found {str(found.get('format'))[:60]}",
                hint="verify it with the release that made it, or a newer one",
            )
        at_ms, made_ms = integer(found.get("at_ms")), integer(found.get("made_ms"))
        if at_ms is None or made_ms is None:
            raise NotProvenError("expected the times of a dossier, found none")
        story = mapping(found.get("story"))
        dossier = cls(
            name=text(found.get("name")),
            asked=text(found.get("asked")),
            at_ms=at_ms,
            made_ms=made_ms,
            made_by=text(found.get("made_by")),
            checkpoint=text(found.get("checkpoint")),
            entries=[_proven(item) for item in items(found.get("entries"))],
            documents=mapping(found.get("documents")),
            statements=mapping(found.get("statements")),
            keys=mapping(found.get("keys")),
        )
        if dossier.payload(story) != payload:
            raise NotProvenError("expected a dossier's own fields alone, found others")
        return dossier, story

    def evidence(self, logs: Sequence[VerifierKey]) -> Evidence:
        """Return the evidence, once every part of it is proven.

        Args:
            logs: keys of the audit log.

        Raises:
            NotProvenError: a part is not; names the first.
        """
        signed = self.signed(logs)
        events = self._events(signed)
        spans = spans_of(self.name, [event for event in events if event.type == RENAMED])
        for event in events:
            if not is_about(event, spans):
                raise NotProvenError(
                    f"event {event.sequence} of the log ({event.type}, {event.name}): expected "
                    f"one about {self.name}, found another"
                )
        return Evidence(
            name=self.name,
            asked=self.asked,
            at_ms=self.at_ms,
            spans=spans,
            events=events,
            documents=Documents.read(self.documents, events),
            statements=read_statements(self.statements, self.keys, History.of(spans, events)),
            checkpoint=signed.checkpoint,
            cosigners=[
                one.name for one in signed.note.signatures if one.name != signed.checkpoint.origin
            ],
        )

    def signed(self, logs: Sequence[VerifierKey]) -> Signed:
        """Return the checkpoint, once the log's signature is checked.

        Raises:
            NotProvenError: none of the keys signed it.
        """
        try:
            return Signed.open(self.checkpoint, logs)
        except (LogNotProvenError, MalformedError) as err:
            raise NotProvenError(f"the checkpoint: {err.message}", hint=err.hint) from err

    def _events(self, signed: Signed) -> list[LoggedEvent]:
        found, last = list[LoggedEvent](), -1
        root, size = signed.checkpoint.root, signed.checkpoint.size
        for one in self.entries:
            event = LoggedEvent.read(one.entry)
            where = f"event {event.sequence} of the log ({event.type}, uid {event.uid})"
            if event.sequence <= last:
                raise NotProvenError(f"{where}: expected one after event {last}")
            if not proves_inclusion(leaf_hash(one.entry), event.sequence, size, one.proof, root):
                raise NotProvenError(
                    f"{where}: expected a proof that the log of {size} events has it, found none",
                    hint="it is not what was signed",
                )
            if event.at_ms > self.at_ms:
                raise NotProvenError(f"{where}: expected one up to the moment that is told")
            last = event.sequence
            found.append(event)
        return found


def _proven(item: Mapping[str, object]) -> Proven:
    given = item.get("proof")
    proof = given if isinstance(given, list) and len(given) <= LONGEST else []
    try:
        hashes = tuple(base64.b64decode(text(one), validate=True) for one in proof)
    except ValueError:
        hashes = ()
    if any(len(one) != HASH_BYTES for one in hashes):
        raise NotProvenError(f"expected hashes of {HASH_BYTES} bytes in a proof, found others")
    return Proven(text(item.get("entry")).encode(), hashes)
