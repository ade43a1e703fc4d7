"""Puts the audit log of an installation together. Importing this opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.errors import SettingsError
from registry.audit.merkle.adapters.keys import own_key, read_key
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.settings import AuditSettings, log_folder

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from infra.settings import Settings
    from registry.audit.merkle.cosigning import Cosigner
    from registry.audit.merkle.domain.note import VerifierKey
    from registry.audit.merkle.loops import LogLoop
    from registry.audit.merkle.mirroring import Mirror
    from registry.audit.merkle.sequencing import Sequencer
    from registry.audit.merkle.verification import Trust


def make_keys(settings: Settings) -> None:
    """Make the key that signs the log, if there is none."""
    own_key(settings, KeyKind.LOG)


def own_trust(settings: Settings) -> Trust:
    """Return the keys that this installation trusts for its own log."""
    from registry.audit.merkle.verification import Trust

    witness = witness_key(settings)
    return Trust([own_key(settings, KeyKind.LOG).public], [] if witness is None else [witness])


def witness_key(settings: Settings) -> VerifierKey | None:
    """Return the key of the witness that cosigns this log; None if there is no witness.

    Raises:
        SettingsError: there is a witness, but no key that says which.
        MalformedError: the key has another form.
    """
    chosen = settings.of(AuditSettings)
    if not chosen.witness:
        return None
    if not chosen.witness_key:
        raise SettingsError(
            "expected the witness's key in ACGS_AUDIT_WITNESS_KEY beside ACGS_AUDIT_WITNESS, "
            "found none",
            hint="where the witness runs: acgs audit public-key --witness",
        )
    return read_key(chosen.witness_key)


def open_cosigner(engine: Engine, settings: Settings) -> Cosigner | None:
    """Return what has this log cosigned; None without a witness."""
    from registry.audit.merkle.cosigning import Cosigner

    witness = witness_key(settings)
    if witness is None:
        return None
    url = settings.of(AuditSettings).witness.rstrip("/")
    log = own_key(settings, KeyKind.LOG).public
    return Cosigner(engine, log_folder(settings), log, url, witness)


def loops(engine: Engine, settings: Settings) -> list[tuple[str, LogLoop]]:
    """Return the manager's works on the log, by the names of their threads.

    Raises:
        SettingsError: there is a witness, but no key that says which.
        MalformedError: the witness's key has another form.
        UsageError: the mirror is no folder and no bucket.
    """
    from registry.audit.merkle.loops import LogLoop
    from registry.audit.merkle.sequencing import BATCH

    sequencer = open_sequencer(engine, settings)
    cosigner, mirror = open_cosigner(engine, settings), open_mirror(engine, settings)
    # Where so many were numbered, there are more.
    sign = LogLoop("signed", lambda: sequencer.round() >= BATCH, 0.2, 2.0, sequencer.close)
    found = [("sequencing", sign)]
    if cosigner is not None:
        found.append(("cosigning", LogLoop("cosigned", once(cosigner.round), 0.5, 5.0)))
    if mirror is not None:
        found.append(("mirroring", LogLoop("mirrored", once(mirror.round), 10.0, 30.0)))
    return found


def once(work: Callable[[], object]) -> Callable[[], bool]:
    """Return a work after which the next round waits, whatever was done."""

    def done() -> bool:
        work()
        return False

    return done


def open_mirror(engine: Engine, settings: Settings) -> Mirror | None:
    """Return what copies this log to a second place; None without one."""
    from registry.audit.merkle.adapters.mirror_places import mirror_place
    from registry.audit.merkle.mirroring import Mirror

    uri = settings.of(AuditSettings).mirror
    if not uri:
        return None
    log = own_key(settings, KeyKind.LOG).public
    return Mirror(engine, log_folder(settings), log, mirror_place(settings, uri))


def open_sequencer(engine: Engine, settings: Settings) -> Sequencer:
    """Return the sequencer of this installation."""
    from registry.audit.merkle.sequencing import Sequencer

    return Sequencer(engine, log_folder(settings), own_key(settings, KeyKind.LOG))
