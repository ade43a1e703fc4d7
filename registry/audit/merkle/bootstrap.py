"""Puts the audit log of an installation together. Importing this opens nothing."""

from __future__ import annotations

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


def open_sequencer(engine: Engine, settings: Settings) -> Sequencer:
    """Return the sequencer of this installation."""
    from registry.audit.merkle.sequencing import Sequencer

    return Sequencer(engine, log_folder(settings), own_key(settings, KeyKind.LOG))
