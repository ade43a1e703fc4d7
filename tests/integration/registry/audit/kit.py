"""An audit trail that fills, and the log that proves it; nothing runs by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text

from infra.console import cli
from infra.processes.leases import Leases
from infra.settings import Settings
from infra.stores.db import open_engine, reading, transaction
from registry.adapters import tables
from registry.audit.adapters import events
from registry.audit.adapters.events import Happened
from registry.audit.merkle.adapters import keys, leaves, log_files
from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.entry import StoredEvent
from registry.audit.merkle.domain.note import KeyKind, SigningKey
from registry.audit.merkle.sequencing import Sequencer
from registry.audit.merkle.settings import log_folder
from registry.domain.records import Act

TRIGGERS = {
    "sqlite": [
        "DROP TRIGGER acgs_event_no_update",
        "DROP TRIGGER acgs_event_no_delete",
        "DROP TRIGGER acgs_leaf_no_update",
        "DROP TRIGGER acgs_leaf_no_delete",
    ],
    "postgresql": [
        "DROP TRIGGER acgs_event_guard ON acgs_event",
        "DROP TRIGGER acgs_event_no_truncate ON acgs_event",
        "DROP TRIGGER acgs_leaf_guard ON acgs_leaf",
        "DROP TRIGGER acgs_leaf_no_truncate ON acgs_leaf",
    ],
}


@dataclass(slots=True)
class Desk:
    """One installation.

    Attributes:
        root: its storage root.
        url: of its database.
    """

    root: Path
    url: str
    settings: Settings = field(init=False)
    engine: Engine = field(init=False)
    sequencer: Sequencer = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(storage_root=self.root, database_url=self.url)
        self.engine = open_engine(self.settings.sqlalchemy_url)
        self.sequencer = open_sequencer(self.engine, self.settings)

    @property
    def folder(self) -> Path:
        return log_folder(self.settings)

    @property
    def key(self) -> SigningKey:
        return keys.own_key(self.settings, KeyKind.LOG)

    @property
    def key_file(self) -> Path:
        return keys.public_file(self.settings, KeyKind.LOG)

    def record(self, count: int, name: str = "credit") -> None:
        """Record events, each in the form that the platform gives it."""
        happened = [Happened(name, number, {"number": number}) for number in range(count)]
        with transaction(self.engine) as connection:
            events.record_many(connection, "model_version.created", happened, Act("alice", 1))

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint in the folder; its signature is checked."""
        written = log_files.note(self.folder, log_files.CHECKPOINT)
        assert written is not None
        return Signed.open(written, [self.key.public]).checkpoint

    def leaf_ids(self) -> list[int]:
        """Return the numbered events, in the order of their numbers."""
        with reading(self.engine) as connection:
            query = select(tables.leaf.c.event_id).order_by(tables.leaf.c.sequence)
            return list(connection.execute(query).scalars())

    def remembered(self) -> leaves.Remembered:
        with reading(self.engine) as connection:
            return leaves.remembered(connection)

    def restarted(self) -> Sequencer:
        """Return a sequencer that knows nothing of what this one did, as after kill -9."""
        self.sequencer.close()
        self.sequencer = open_sequencer(self.engine, self.settings)
        return self.sequencer

    def attack(self, *statements: str) -> None:
        """Run SQL as the owner of the database would, who drops the triggers first."""
        with transaction(self.engine) as connection:
            for statement in [*self._triggers(connection), *statements]:
                connection.execute(text(statement))

    def _triggers(self, connection: Connection) -> Sequence[str]:
        if connection.dialect.name == "sqlite":
            there = "SELECT count(*) FROM sqlite_master WHERE name = 'acgs_event_no_update'"
        else:
            there = "SELECT count(*) FROM pg_trigger WHERE tgname = 'acgs_event_guard'"
        return TRIGGERS[connection.dialect.name] if connection.execute(text(there)).scalar() else ()


@contextmanager
def desk(root: Path, url: str) -> Iterator[Desk]:
    """Open an installation, and close what it opened."""
    opened = Desk(root, url)
    try:
        yield opened
    finally:
        opened.sequencer.close()
        opened.engine.dispose()


def record_on(connection: Connection, count: int, name: str) -> None:
    """Record events in a transaction of the caller's."""
    happened = [Happened(name, number, {"number": number}) for number in range(count)]
    events.record_many(connection, "model_version.created", happened, Act("alice", 1))


def stored(desk: Desk) -> list[StoredEvent]:
    """Return every event of an installation."""
    with reading(desk.engine) as connection:
        return list(leaves.every_event(connection))


def another_owner(given: Leases) -> Leases:
    """Return the same leases for another machine's process, which cannot be seen to have ended."""
    return replace(given, owner="elsewhere|1|x")


def die_at(
    patch: pytest.MonkeyPatch, step: str, error: type[BaseException], *, after: bool
) -> None:
    """Have a function raise before or after it does its work."""
    real = resolve_name(step)

    def dying(*given: Any, **named: Any) -> None:
        if after:
            real(*given, **named)
        raise error

    patch.setattr(step, dying)


def fail_at(patch: pytest.MonkeyPatch, step: str, error: OSError) -> None:
    """Have a function raise an error of the system."""

    def failing(*_given: Any, **_named: Any) -> None:
        raise error

    patch.setattr(step, failing)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed."""

    status: int
    out: str
    err: str

    def view(self) -> dict[str, Any]:
        """Return the JSON that was printed."""
        return dict(json.loads(self.out))


class Shell:
    """Runs `acgs` in this process, in a folder where nothing is."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = patch

    def at(self, desk: Desk) -> None:
        """Use an installation from now on."""
        self._patch.setenv("MLOPS_STORAGE_ROOT", str(desk.root))
        self._patch.setenv("ACGS_DATABASE_URL", desk.url)

    def acgs(self, *words: object) -> Outcome:
        """Run a command."""
        self._capsys.readouterr()
        status = cli.invoke([str(word) for word in words])
        captured = self._capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    def refused(self, *words: object) -> str:
        """Run a command that must be refused because something is not proven; return why."""
        outcome = self.acgs(*words)
        assert (outcome.status, outcome.out) == (1, ""), outcome
        assert outcome.err.startswith("error [audit.not_proven]: "), outcome
        return outcome.err.removeprefix("error [audit.not_proven]: ")
