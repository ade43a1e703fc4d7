"""Whoever owns the database can change it; an outsider with files and a key finds it out.

Each attack drops the triggers first, as their owner can, and the trail then shows the forged
history without a word: only the verifier tells.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.errors import LogBrokenError
from registry.audit.service import AuditTrail
from tests.integration.registry.audit import kit
from tests.integration.registry.audit.kit import Desk, Shell
from tests.support.stores import Kind

EVENTS = 6
_NEW = (
    "INSERT INTO acgs_event (id, uid, type, name, version, request_id, actor, at_ms, data) "
    "VALUES ({id}, 'forged-{id}', 'model_version.created', 'credit', {id}, NULL, 'mallory', 1, "
    "'{{}}')"
)
_LEAVES_AGAIN = (
    "DELETE FROM acgs_leaf",
    "UPDATE acgs_log SET size = 0, root = ''",
)


@dataclass(frozen=True)
class Attack:
    """What is done, the forged trail that people then see, and the first wrong event's name."""

    statements: tuple[str, ...]
    seen: str
    told: str


ATTACKS = {
    "alter who": Attack(
        ("UPDATE acgs_event SET actor = 'bob' WHERE id = 3",),
        "1 alice, 2 alice, 3 bob, 4 alice, 5 alice, 6 alice",
        r'event 3 \(number 2 .*it was altered: expected actor "alice", found "bob"',
    ),
    "alter what": Attack(
        ("UPDATE acgs_event SET data = '{\"number\": true}' WHERE id = 2",),
        "1 alice, 2 alice, 3 alice, 4 alice, 5 alice, 6 alice",
        r'event 2 \(number 1 .*altered: expected data \{"number": 1\}, found \{"number": true\}',
    ),
    "alter when": Attack(
        ("UPDATE acgs_event SET at_ms = 2 WHERE id >= 5",),
        "1 alice, 2 alice, 3 alice, 4 alice, 5 alice, 6 alice",
        r"event 5 \(number 4 .*expected at_ms 1, found 2",
    ),
    "delete": Attack(
        ("DELETE FROM acgs_event WHERE id = 3",),
        "1 alice, 2 alice, 4 alice, 5 alice, 6 alice",
        r"event 3 \(number 2 .*found none: deleted",
    ),
    "delete with its leaf": Attack(
        ("DELETE FROM acgs_event WHERE id = 3", "DELETE FROM acgs_leaf WHERE event_id = 3"),
        "1 alice, 2 alice, 4 alice, 5 alice, 6 alice",
        r"event 3 \(number 2 .*found none: deleted",
    ),
    "reorder": Attack(
        (
            "UPDATE acgs_event SET id = 99 WHERE id = 2",
            "UPDATE acgs_event SET id = 2 WHERE id = 4",
            "UPDATE acgs_event SET id = 4 WHERE id = 99",
        ),
        "1 alice, 2 alice, 3 alice, 4 alice, 5 alice, 6 alice",
        r"event 2 \(number 1 .*found uid .*replaced or moved",
    ),
    "truncate": Attack(
        ("DELETE FROM acgs_event WHERE id > 4", "DELETE FROM acgs_leaf WHERE event_id > 4"),
        "1 alice, 2 alice, 3 alice, 4 alice",
        r"event 5 \(number 4 .*the events of the database end before it",
    ),
    "delete all": Attack(
        ("DELETE FROM acgs_event", *_LEAVES_AGAIN),
        "",
        r"event 1 \(number 0 .*the events of the database end before it",
    ),
    "fork": Attack(
        (
            "DELETE FROM acgs_event WHERE id > 3",
            "DELETE FROM acgs_leaf WHERE event_id > 3",
            *(_NEW.format(id=number) for number in (4, 5, 6)),
        ),
        "1 alice, 2 alice, 3 alice, 4 mallory, 5 mallory, 6 mallory",
        r"event 4 \(number 3 .*found uid forged-4",
    ),
    "write it all anew": Attack(
        (
            "DELETE FROM acgs_event",
            *(_NEW.format(id=number) for number in range(1, 7)),
            *_LEAVES_AGAIN,
        ),
        ", ".join(f"{number} mallory" for number in range(1, 7)),
        r"event 1 \(number 0 .*found uid forged-1",
    ),
}


def seen(desk: Desk) -> str:
    """What `acgs audit log` shows, in short."""
    return ", ".join(f"{e.id} {e.actor}" for e in AuditTrail(desk.engine).events())


def signed(desk: Desk) -> None:
    desk.record(EVENTS)
    assert desk.sequencer.round() == EVENTS


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_by_sql_is_found_by_files_and_a_key_and_the_first_event_is_named(
    desk: Desk, shell: Shell, tmp_path: Path, name: str
) -> None:
    attack = ATTACKS[name]
    signed(desk)
    shell.at(desk)
    sound = shell.acgs("audit", "verify", "--json")
    assert (sound.status, sound.view()["compared"]) == (0, EVENTS)

    desk.attack(*attack.statements)
    assert seen(desk) == attack.seen  # nothing but the verifier notices
    told = shell.refused("audit", "verify")
    assert re.search(attack.told, told), told

    export, copy, key = tmp_path / "events.jsonl", tmp_path / "copy", tmp_path / "log.vkey"
    assert shell.acgs("audit", "export", export).status == 0
    shutil.copytree(desk.folder, copy)
    shutil.copy(desk.key_file, key)
    desk.root.rename(tmp_path / "gone")  # an outsider has neither settings nor database
    offline = shell.refused("audit", "verify", copy, "--public-key", key, "--events", export)
    assert re.search(attack.told, offline), offline


@pytest.mark.parametrize("name", ["truncate", "delete all", "fork", "write it all anew"])
def test_the_sequencer_signs_nothing_over_another_end_of_the_history(desk: Desk, name: str) -> None:
    signed(desk)
    before = desk.checkpoint()
    desk.attack(*ATTACKS[name].statements)
    desk.record(1)
    for sequencer in (desk.sequencer, desk.restarted()):
        with pytest.raises(LogBrokenError):
            sequencer.round()
    assert desk.checkpoint() == before
    assert desk.remembered().error


def test_an_old_backup_restored_over_the_database_is_found(
    small_desk: Desk, shell: Shell, tmp_path: Path
) -> None:
    desk = small_desk
    file = Path(str(desk.engine.url.database))
    desk.record(3)
    desk.sequencer.round()
    desk.sequencer.close()
    desk.engine.dispose()
    shutil.copy(file, tmp_path / "backup.db")

    desk.record(3)
    desk.sequencer.round()
    desk.sequencer.close()
    desk.engine.dispose()
    shutil.copy(tmp_path / "backup.db", file)

    assert seen(desk) == "1 alice, 2 alice, 3 alice"
    desk.record(2, "fraud")  # the platform goes on, and gives the lost events' ids again
    assert seen(desk) == "1 alice, 2 alice, 3 alice, 4 alice, 5 alice"
    with pytest.raises(LogBrokenError, match="an older backup may have been restored over it"):
        desk.sequencer.round()
    shell.at(desk)
    told = shell.refused("audit", "verify")
    assert re.search(r"event 4 \(number 3 .*another history was written after an old backup", told)


def test_events_that_wait_for_a_checkpoint_are_listed(desk: Desk, shell: Shell) -> None:
    signed(desk)
    desk.record(2)
    shell.at(desk)
    found = shell.acgs("audit", "verify", "--json").view()
    assert (found["size"], found["compared"], found["unlogged"]) == (EVENTS, EVENTS, [7, 8])
    lines = shell.acgs("audit", "verify").out
    assert "not logged yet   2, the first: 7, 8" in lines


# SQLite has one writer at a time.
@pytest.mark.parametrize("desk", [Kind.POSTGRES], indirect=True)
def test_a_late_event_among_earlier_ones_is_no_attack(desk: Desk, shell: Shell) -> None:
    with desk.engine.connect() as late, late.begin():
        kit.record_on(late, 2, "late")
        desk.record(3)
        desk.sequencer.round()
    desk.record(3)
    desk.sequencer.round()
    shell.at(desk)
    assert shell.acgs("audit", "verify", "--json").view()["compared"] == 8


def test_a_checkpoint_file_of_an_earlier_time_is_found(desk: Desk, shell: Shell) -> None:
    desk.record(2)
    desk.sequencer.round()
    earlier = (desk.folder / "checkpoint").read_text()
    desk.record(2)
    desk.sequencer.round()
    (desk.folder / "checkpoint").write_text(earlier)
    shell.at(desk)
    told = shell.refused("audit", "verify")
    assert (
        "expected the checkpoint of size 4 that the database remembers, found one of size 2" in told
    )
    with pytest.raises(LogBrokenError):
        open_sequencer(desk.engine, desk.settings).round()
