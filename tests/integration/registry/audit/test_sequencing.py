"""Every committed event gets one number, once, and each checkpoint continues the one before."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from infra.errors import ConflictError
from infra.stores.db import transaction
from registry.audit.merkle.adapters import backlog, log_files
from registry.audit.merkle.bootstrap import open_sequencer
from registry.audit.merkle.domain.entry import read_entry
from registry.audit.merkle.domain.tree import Frontier, leaf_hashes
from registry.audit.merkle.errors import LogBrokenError
from registry.audit.merkle.loops import LogLoop
from tests.integration.registry.audit import kit
from tests.integration.registry.audit.kit import Desk
from tests.support.stores import Databases, Kind


def entries(desk: Desk) -> list[bytes]:
    return list(log_files.entries(desk.folder))


def require_sound(desk: Desk, count: int) -> None:
    """Files, checkpoint and database agree on `count` events."""
    found = entries(desk)
    tree = Frontier()
    tree.extend(leaf_hashes(found))
    checkpoint = desk.checkpoint()
    assert (checkpoint.size, checkpoint.root) == (count, tree.root())
    assert [read_entry(entry)["sequence"] for entry in found] == list(range(count))
    assert [read_entry(entry)["id"] for entry in found] == desk.leaf_ids()
    assert len(set(desk.leaf_ids())) == count
    assert (desk.remembered().size, desk.remembered().root) == (count, checkpoint.root.hex())


def test_events_become_entries_in_the_order_of_their_ids(desk: Desk) -> None:
    desk.record(3)
    assert desk.sequencer.round() == 3
    desk.record(2, "fraud")
    assert desk.sequencer.round() == 2
    assert desk.sequencer.round() == 0
    require_sound(desk, 5)
    assert read_entry(entries(desk)[4])["name"] == "fraud"


def test_events_from_before_the_log_are_numbered_in_batches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.audit.merkle.sequencing.BATCH", 4)
    ticks = itertools.count()
    desk.sequencer.monotonic = lambda: next(ticks) / 10
    desk.record(33)
    assert [desk.sequencer.round() for _ in range(4)] == [12, 12, 9, 0]
    require_sound(desk, 33)


def test_entries_fill_several_files(small_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("log_files", "log_writer"):
        monkeypatch.setattr(f"registry.audit.merkle.adapters.{module}.SEGMENT", 4)
    desk = small_desk
    for count in (3, 1, 9, 2):
        desk.record(count)
        desk.sequencer.round()
        desk.restarted().round()
    require_sound(desk, 15)
    names = [path.name for _first, path in log_files.segments(desk.folder)]
    assert names == [log_files.segment_name(first) for first in (0, 4, 8, 12)]


def test_a_transaction_that_commits_late_is_not_forgotten(
    tmp_path: Path, databases: Databases
) -> None:
    with kit.desk(tmp_path / "root", databases.new(Kind.POSTGRES)) as desk:
        late = desk.engine.connect()
        transaction_under_way = late.begin()
        kit.record_on(late, 1, "late")
        desk.record(3)
        assert desk.sequencer.round() == 3
        desk.record(2)
        assert desk.sequencer.round() == 2
        transaction_under_way.commit()
        late.close()
        assert desk.sequencer.round() == 1
        require_sound(desk, 6)
        assert read_entry(entries(desk)[5])["name"] == "late"
        assert desk.leaf_ids()[5] < desk.leaf_ids()[0]


def test_a_transaction_that_commits_during_a_restart_is_found_by_the_gap_it_left(
    tmp_path: Path, databases: Databases
) -> None:
    with kit.desk(tmp_path / "root", databases.new(Kind.POSTGRES)) as desk:
        with desk.engine.connect() as late, late.begin():
            kit.record_on(late, 1, "late")
            desk.record(3)
            desk.sequencer.round()
            desk.restarted().round()
        assert desk.sequencer.round() == 1
        require_sound(desk, 4)


def test_a_gap_that_was_given_up_is_found_by_the_next_sweep(
    tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "GAP_MS", -1)
    with kit.desk(tmp_path / "root", databases.new(Kind.POSTGRES)) as desk:
        desk.record(1)
        desk.sequencer.round()
        with desk.engine.connect() as late, late.begin():
            kit.record_on(late, 1, "late")
            desk.record(3)
            desk.sequencer.round()
            desk.sequencer.round()
        assert desk.sequencer.round() == 0
        monkeypatch.setattr(backlog, "SWEEP_MS", -1)
        assert desk.sequencer.round() == 1
        require_sound(desk, 5)


def test_ids_of_transactions_that_were_rolled_back_hold_nothing_up(desk: Desk) -> None:
    desk.record(2)
    desk.sequencer.round()
    with desk.engine.connect() as connection, connection.begin() as undone:
        kit.record_on(connection, 3, "undone")
        undone.rollback()
    desk.record(2)
    assert desk.sequencer.round() == 2
    require_sound(desk, 4)


def test_one_of_two_processes_numbers(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    second = open_sequencer(desk.engine, desk.settings)
    second._leases = kit.another_owner(second._leases)
    desk.record(1)
    assert second.round() == 0
    desk.sequencer.release()
    assert second.round() == 1
    assert desk.sequencer.round() == 0
    second.release()
    require_sound(desk, 4)


def test_two_that_both_believe_to_be_alone_make_no_fork(desk: Desk, tmp_path: Path) -> None:
    """A lease can be slower than its time; the database's keys and the folder's lock are not."""
    desk.record(3)
    desk.sequencer.round()
    second = open_sequencer(desk.engine, desk.settings)
    desk.record(2)
    with pytest.raises(LogBrokenError, match="another process that writes there"):
        second.round()
    desk.sequencer.round()
    require_sound(desk, 5)


def test_numbers_given_by_another_process_meanwhile_are_taken_up(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    elsewhere = open_sequencer(desk.engine, desk.settings)
    desk.sequencer.close()
    desk.record(2)
    elsewhere.round()
    elsewhere.close()
    desk.record(1)
    assert desk.sequencer.round() == 1
    require_sound(desk, 6)


STEPS = (
    "registry.audit.merkle.adapters.leaves.add",
    "registry.audit.merkle.adapters.log_writer.LogWriter.append",
    "registry.audit.merkle.adapters.log_writer.LogWriter._write",
    "registry.audit.merkle.adapters.log_writer.LogWriter.publish",
    "infra.durable.sync_folder",
    "registry.audit.merkle.adapters.leaves.remember",
)


class Killed(BaseException):
    """What a test raises where a process would have been killed."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_around_any_step_loses_and_forks_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    desk.record(3)
    desk.sequencer.round()
    before = desk.checkpoint()
    desk.record(4)
    with monkeypatch.context() as patch:
        kit.die_at(patch, step, Killed, after=after)
        with pytest.raises(Killed):
            desk.sequencer.round()
    desk.record(2)
    desk.restarted().round()
    require_sound(desk, 9)
    tree = Frontier()
    tree.extend(leaf_hashes(entries(desk)[:3]))
    assert tree.root() == before.root


def test_a_line_written_in_part_is_written_again(small_desk: Desk) -> None:
    desk = small_desk
    desk.record(3)
    desk.sequencer.round()
    _first, path = log_files.segments(desk.folder)[-1]
    with path.open("ab") as file:
        file.write(b'{"actor":"ali')
    assert len(entries(desk)) == 3
    desk.record(1)
    desk.restarted().round()
    require_sound(desk, 4)


@pytest.mark.parametrize("damage", ["gone", "short", "wrong"])
def test_hashes_are_made_again_where_they_are_damaged(small_desk: Desk, damage: str) -> None:
    desk = small_desk
    desk.record(9)
    desk.sequencer.round()
    desk.sequencer.close()
    path = desk.folder / log_files.HASHES
    match damage:
        case "gone":
            path.unlink()
        case "short":
            os.truncate(path, 100)
        case _:
            path.write_bytes(bytes(path.stat().st_size))
    desk.record(1)
    desk.sequencer.round()
    require_sound(desk, 10)


def refusals(desk: Desk) -> Iterator[str]:
    """Yield what the sequencer says in two rounds, the second of a new process."""
    for sequencer in (desk.sequencer, desk.restarted()):
        with pytest.raises(LogBrokenError) as caught:
            sequencer.round()
        yield caught.value.message


def test_nothing_is_signed_once_the_checkpoint_is_gone(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    kept = (desk.folder / "checkpoint").read_text()
    (desk.folder / "checkpoint").unlink()
    desk.restarted()
    desk.record(1)
    for message in refusals(desk):
        assert message == (
            "expected the checkpoint of size 3 that the database remembers, found no checkpoint "
            "file"
        )
    assert "no checkpoint file" in str(desk.remembered().error)
    assert len(entries(desk)) == 3
    assert len(desk.leaf_ids()) == 3

    (desk.folder / "checkpoint").write_text(kept)
    assert desk.sequencer.round() == 1
    assert desk.remembered().error is None
    require_sound(desk, 4)


def test_nothing_is_signed_once_the_whole_folder_is_gone(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    desk.sequencer.close()
    desk.folder.rename(desk.root / "elsewhere")
    desk.record(1)
    for message in refusals(desk):
        assert "found no checkpoint file" in message
    assert not desk.folder.exists()


def test_nothing_is_signed_over_a_database_restored_from_an_old_backup(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    desk.attack("DELETE FROM acgs_leaf WHERE sequence = 2", "DELETE FROM acgs_event WHERE id = 3")
    for message in refusals(desk):
        assert "found 2" in message
    desk.record(2)
    for message in refusals(desk):
        assert "found 2" in message
    assert desk.checkpoint().size == 3


def test_nothing_is_signed_over_a_leaf_that_was_replaced(desk: Desk) -> None:
    desk.record(3)
    desk.sequencer.round()
    desk.attack(
        "UPDATE acgs_leaf SET hash = (SELECT hash FROM acgs_leaf WHERE sequence = 0)"
        " WHERE sequence = 2"
    )
    for message in refusals(desk):
        assert "event 2 of the log" in message


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE acgs_event SET actor = 'bob' WHERE id = 2", "found it altered"),
        ("DELETE FROM acgs_event WHERE id = 2", "found it deleted"),
    ],
)
def test_an_event_changed_between_its_number_and_its_entry_is_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, statement: str, expected: str
) -> None:
    desk.record(3)
    with monkeypatch.context() as patch:
        kit.die_at(patch, STEPS[1], Killed, after=False)
        with pytest.raises(Killed):
            desk.sequencer.round()
    desk.attack(statement)
    for message in refusals(desk):
        assert message.startswith("event 2, number 1 of the log: expected it as it was numbered")
        assert message.endswith(expected)


def test_entries_that_were_exchanged_are_not_continued(small_desk: Desk) -> None:
    desk = small_desk
    desk.record(3)
    desk.sequencer.round()
    desk.sequencer.close()
    _first, path = log_files.segments(desk.folder)[0]
    path.write_text(path.read_text().replace("alice", "malory"))
    (desk.folder / log_files.HASHES).unlink()
    for message in refusals(desk):
        assert "expected entries that give the root of the checkpoint" in message


def test_a_disk_that_is_full_is_said_and_tried_again(
    small_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = small_desk
    desk.record(3)
    with monkeypatch.context() as patch:
        kit.fail_at(patch, "infra.durable.replace", OSError(28, "No space left on device"))
        with pytest.raises(LogBrokenError, match="No space left"):
            desk.sequencer.round()
    assert "No space left" in str(desk.remembered().error)
    desk.sequencer.round()
    require_sound(desk, 3)


def test_the_loop_goes_on_after_a_refusal(small_desk: Desk) -> None:
    desk = small_desk
    desk.record(1)
    stop, rounds = threading.Event(), list[None]()

    def pulse() -> None:
        rounds.append(None)
        if len(rounds) == 2:
            (desk.folder / "checkpoint").rename(desk.folder / "away")
            sequencer.close()
            desk.record(1)
        if len(rounds) == 4:
            (desk.folder / "away").rename(desk.folder / "checkpoint")
        if len(rounds) == 6:
            stop.set()

    sequencer = desk.sequencer
    LogLoop("signed", lambda: sequencer.round() > 0, 0, 0, sequencer.close).run(stop, pulse)
    require_sound(desk, 2)


def test_a_number_taken_twice_is_refused_by_the_database(desk: Desk) -> None:
    desk.record(2)
    desk.sequencer.round()
    with pytest.raises(ConflictError):
        desk.sequencer._add(1, kit.stored(desk)[:1], [bytes(32)])


def test_leaves_cannot_be_changed_by_accident(desk: Desk) -> None:
    desk.record(1)
    desk.sequencer.round()
    for statement in ("UPDATE acgs_leaf SET event_id = 9", "DELETE FROM acgs_leaf"):
        with (
            pytest.raises(Exception, match="acgs_leaf is insert-only"),
            transaction(desk.engine) as c,
        ):
            c.execute(text(statement))
