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


def make_keys(settings: Settings) -> None:
    """Make the key that signs the log, if there is none."""
    own_key(settings, KeyKind.LOG)


def open_sequencer(engine: Engine, settings: Settings) -> Sequencer:
    """Return the sequencer of this installation."""
    from registry.audit.merkle.sequencing import Sequencer

    return Sequencer(engine, log_folder(settings), own_key(settings, KeyKind.LOG))
