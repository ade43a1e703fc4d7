"""Of several processes, one at a time has a lease."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData, String, Table, select

from infra.processes.leases import Leases, LeaseTable, is_gone, shown, this_process
from infra.processes.process import Identity
from infra.stores.db import open_engine, reading, transaction

metadata = MetaData()
table = Table(
    "somebodys_leases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("who", String(200)),
    Column("until_ms", BigInteger, nullable=False),
    Column("more", Integer, nullable=False, default=7),
)
WHERE = LeaseTable(table, table.c.name, table.c.who, table.c.until_ms)
LONG_MS = 30_000
OTHERS = "ann|1|x", "bob|1|x", "cem|1|x"
"""Processes of other machines: nobody here can tell whether they live."""


@dataclass
class Now:
    """A clock that the test moves."""

    at: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_ms(self, milliseconds: int) -> None:
        self.at += timedelta(milliseconds=milliseconds)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('leases') / 'leases.db'}"
    opened = open_engine(url, make=True)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def ann(engine: Engine) -> Leases:
    with transaction(engine) as connection:
        connection.execute(table.delete())
    return Leases(engine, WHERE, LONG_MS, OTHERS[0], Now())


def after(leases: Leases, milliseconds: int) -> Leases:
    return replace(leases, clock=Now(leases.clock() + timedelta(milliseconds=milliseconds)))


def by(owner: str, leases: Leases) -> Leases:
    return replace(leases, owner=owner)


@pytest.mark.parametrize(
    ("owner", "passed_ms", "is_had"),
    [
        (OTHERS[0], 0, True),
        (OTHERS[0], LONG_MS + 1, True),
        (OTHERS[1], 0, False),
        (OTHERS[1], LONG_MS - 1, False),
        (OTHERS[1], LONG_MS, True),
    ],
)
def test_a_lease_is_its_owners_until_its_end(
    ann: Leases, owner: str, passed_ms: int, is_had: bool
) -> None:
    assert ann.take("work")
    assert after(by(owner, ann), passed_ms).take("work") is is_had


def test_a_lease_that_is_taken_again_lasts_longer(ann: Leases) -> None:
    assert ann.take("work")
    assert after(ann, LONG_MS - 1).take("work")
    assert not after(by(OTHERS[1], ann), LONG_MS + 1).take("work")


def test_a_lease_with_more_than_half_left_is_not_written_again(ann: Leases) -> None:
    assert ann.take("work")
    for passed_ms, written_ms in ((LONG_MS // 2 - 1, 0), (LONG_MS // 2, LONG_MS // 2)):
        assert after(ann, passed_ms).take("work")
        with reading(ann.engine) as connection:
            until_ms = connection.execute(select(table.c.until_ms)).scalar_one()
        assert until_ms == int(ann.clock().timestamp() * 1000) + written_ms + LONG_MS


def test_leases_of_other_names_are_free(ann: Leases) -> None:
    assert ann.take("work")
    assert by(OTHERS[1], ann).take("other work")


def test_a_released_lease_is_free_at_once(ann: Leases) -> None:
    bob = by(OTHERS[1], ann)
    with ann.held("work") as had:
        assert had
        with bob.held("work") as bob_had:
            assert not bob_had
        assert not bob.take("work"), "a block that did not have the lease releases nothing"
    assert bob.take("work")
    ann.release("work")
    assert not ann.take("work")


def test_a_lease_without_an_owner_is_free_and_its_row_stays(ann: Leases) -> None:
    with transaction(ann.engine) as connection:
        connection.execute(table.insert().values(name="work", until_ms=0, more=3))
    assert ann.take("work")
    ann.release("work")
    with reading(ann.engine) as connection:
        assert connection.execute(select(table.c.more)).scalar_one() == 3


def test_the_lease_of_a_dead_process_of_this_machine_is_free_at_once(ann: Leases) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = Identity.of(child.pid)
    theirs = by(f"{socket.gethostname()}|{born.pid}|{born.birth}", ann)
    assert theirs.take("work")
    assert not ann.take("work")
    child.communicate()
    assert ann.take("work")


def test_an_owner_that_was_replaced_meanwhile_is_not_replaced_again(ann: Leases) -> None:
    bob, cem = (after(by(owner, ann), LONG_MS) for owner in OTHERS[1:])
    assert ann.take("work")
    with reading(ann.engine) as connection:
        seen = connection.execute(
            select(table.c.who.label("owner"), table.c.until_ms.label("until_ms"))
        ).one()
    now_ms = int(bob.clock().timestamp() * 1000)
    assert bob._replace("work", seen, now_ms)
    assert not cem._replace("work", seen, now_ms)
    ann.release("work")
    assert not cem.take("work"), "only its owner releases a lease"


@pytest.mark.parametrize(
    "owner", ["elsewhere|1|x", f"{socket.gethostname()}:1:abcd", f"{socket.gethostname()}|x|y", ""]
)
def test_what_is_no_process_of_this_machine_is_not_known_to_be_gone(owner: str) -> None:
    assert not is_gone(owner)


def test_this_process_is_not_gone_and_is_shown_by_its_number() -> None:
    me = this_process()
    assert not is_gone(me)
    assert not is_gone(f"{me}|2")
    assert is_gone(me + "0")
    assert is_gone(f"{me}0|2")
    assert shown(me) == f"{socket.gethostname()}:{Identity.mine().pid}"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 2)),
        st.tuples(st.just("release"), st.integers(0, 2)),
        st.tuples(st.just("pass"), st.integers(1, LONG_MS + 1)),
    ),
    max_size=25,
)


@given(steps=STEPS)
def test_whatever_happens_a_lease_has_one_owner(
    steps: list[tuple[str, int]], engine: Engine
) -> None:
    with transaction(engine) as connection:
        connection.execute(table.delete())
    now, held_by, until_ms, passed_ms = Now(), -1, 0, 0
    processes = [Leases(engine, WHERE, LONG_MS, owner, now) for owner in OTHERS]
    for step, number in steps:
        if step == "pass":
            now.pass_ms(number)
            passed_ms += number
        elif step == "release":
            processes[number].release("work")
            if held_by == number:
                held_by = -1
        else:
            is_free = held_by in {-1, number} or until_ms <= passed_ms
            assert processes[number].take("work") is is_free
            if is_free:
                renewed = held_by != number or until_ms - passed_ms <= LONG_MS // 2
                held_by, until_ms = number, passed_ms + LONG_MS if renewed else until_ms
