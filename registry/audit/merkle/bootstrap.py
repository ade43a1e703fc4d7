"""Puts the audit log of an installation together. Importing this opens nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.audit.merkle.adapters.keys import own_key
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.settings import log_folder

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from infra.settings import Settings
    from registry.audit.merkle.sequencing import Sequencer
    from registry.audit.merkle.verification import Trust


def make_keys(settings: Settings) -> None:
    """Make the key that signs the log, if there is none."""
    own_key(settings, KeyKind.LOG)


def own_trust(settings: Settings) -> Trust:
    """Return the keys that this installation trusts for its own log."""
    from registry.audit.merkle.verification import Trust

    return Trust([own_key(settings, KeyKind.LOG).public])


def open_sequencer(engine: Engine, settings: Settings) -> Sequencer:
    """Return the sequencer of this installation."""
    from registry.audit.merkle.sequencing import Sequencer

    return Sequencer(engine, log_folder(settings), own_key(settings, KeyKind.LOG))
