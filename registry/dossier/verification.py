"""Verifies a dossier by its bytes and public keys: no database, no settings, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.note import VerifierKey
from registry.audit.merkle.errors import MalformedError
from registry.audit.merkle.errors import NotProvenError as LogNotProvenError
from registry.audit.merkle.verification import Trust, proven_entries, verify
from registry.domain.canonical import canonical_bytes
from registry.dossier import page
from registry.dossier.domain.dossier import Dossier
from registry.dossier.domain.envelope import open_envelope
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.selection import RENAMED, is_about, spans_of
from registry.dossier.domain.story import tell
from registry.dossier.errors import NothingThenError, NotProvenError


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proven.

    Attributes:
        dossier: with its evidence.
        story: as it was told, and as it follows from the evidence.
        payload: what was signed.
        envelope: with the signature.
        key: that signed.
        checkpoint: of the log that has the events.
        cosigned_seconds: when a trusted witness cosigned, since the epoch; None without one.
        is_complete: whether the whole log was there, and has no other event about the model.
    """

    dossier: Dossier
    story: Mapping[str, object] = field(hash=False)
    payload: bytes
    envelope: bytes
    key: VerifierKey
    checkpoint: Checkpoint
    cosigned_seconds: int | None
    is_complete: bool


def verify_dossier(
    written: bytes,
    logs: Sequence[VerifierKey],
    witnesses: Sequence[VerifierKey] = (),
    log_folder: Path | None = None,
) -> Verified:
    """Derive everything again that a dossier says.

    Args:
        written: the file, as a page or as JSON.
        logs: public keys of the platform's audit log.
        witnesses: public keys of witnesses, of which one must have cosigned; none asks for none.
        log_folder: a copy of the whole log, to see that no event about the model is left out.

    Raises:
        NotProvenError: something is wrong; names the first thing.
    """
    envelope = page.contained(written)
    payload, key = open_envelope(envelope, logs)
    dossier, story = Dossier.read(payload)
    evidence = dossier.evidence(logs)
    seconds = _cosigned(dossier, logs, witnesses) if witnesses else None
    try:
        told = tell(evidence)
    except NothingThenError as err:
        raise NotProvenError(f"the story: {err.message}", hint=err.hint) from err
    if canonical_bytes(told) != canonical_bytes(story):
        where = first_difference(story, told)
        raise NotProvenError(
            f"the story at {where}: expected what follows from the events, found something else",
            hint="the holder of the platform's key signed a story that its own record denies",
        )
    if not written.startswith(b"{"):
        page.require_same(written, page.render(payload, envelope))
    if log_folder is not None:
        _require_complete(dossier, evidence.events, log_folder, logs)
    return Verified(
        dossier,
        told,
        payload,
        envelope,
        key,
        evidence.checkpoint,
        seconds,
        is_complete=log_folder is not None,
    )


def _cosigned(
    dossier: Dossier, logs: Sequence[VerifierKey], witnesses: Sequence[VerifierKey]
) -> int:
    try:
        return dossier.signed(logs).witnessed(witnesses)
    except LogNotProvenError as err:
        raise NotProvenError(f"the checkpoint: {err.message}", hint=err.hint) from err


def _require_complete(
    dossier: Dossier, events: Sequence[LoggedEvent], folder: Path, logs: Sequence[VerifierKey]
) -> None:
    """Require that a log, which continues the dossier's checkpoint, has no other event about it."""
    try:
        verify(folder, Trust(logs, kept=[("of the dossier", dossier.checkpoint)]))
        size = dossier.signed(logs).checkpoint.size
        there = {event.sequence for event in events}
        spans = spans_of(dossier.name, [*_until(folder, size, dossier.at_ms, RENAMED)])
        for event in _until(folder, size, dossier.at_ms):
            if is_about(event, spans) and event.sequence not in there:
                raise NotProvenError(
                    f"event {event.sequence} of the log ({event.type}, {event.name}): expected it "
                    "in the dossier, found it left out",
                    hint="the dossier does not tell everything that the log has",
                )
    except (LogNotProvenError, MalformedError) as err:
        raise NotProvenError(f"{folder}: {err.message}", hint=err.hint) from err


def _until(folder: Path, size: int, at_ms: int, type: str = "") -> Iterator[LoggedEvent]:
    """Yield the events of a verified log up to a moment, of one type if it is given."""
    mark = f'"type":"{type}"'.encode() if type else b""
    for entry in proven_entries(folder, size):
        if mark in entry:
            event = LoggedEvent.read(entry)
            if event.at_ms <= at_ms and type in {"", event.type}:
                yield event


def first_difference(found: Any, expected: Any, where: str = "") -> str:
    """Return where two JSON values first differ, as a path such as `sections[3].content.rules`."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted(found.keys() | expected.keys()):
            if found.get(key) != expected.get(key) or (key in found) != (key in expected):
                there = f"{where}.{key}" if where else str(key)
                return first_difference(found.get(key), expected.get(key), there)
    if isinstance(found, list) and isinstance(expected, list):
        for place, (one, other) in enumerate(zip(found, expected, strict=False)):
            if one != other:
                return first_difference(one, other, f"{where}[{place}]")
    return where or "its beginning"
