"""Whoever writes tags into a repository does so alone; others wait for their turn."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.domain.values import Stage
from registry.git.adapters import turns
from registry.git.adapters.repository import Repository
from registry.git.errors import GitError, LockedError
from tests.integration.registry.git import kit
from tests.integration.registry.git.kit import Desk


def test_processes_that_write_the_same_tags_take_turns_and_none_fails(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        desk.move(desk.register(), Stage.STAGING)
    desk.tags.follow(desk.now)
    create, at_it, together = Repository.create, [0], threading.Barrier(4)

    def slow(self: Repository, refs: Mapping[str, str]) -> None:
        at_it[0] += 1
        time.sleep(0.1)
        assert at_it[0] == 1, "two wrote at once"
        create(self, refs)
        at_it[0] -= 1

    def write(_: int) -> GitError | None:
        together.wait()
        return desk.tags.write(desk.now).error

    monkeypatch.setattr(Repository, "create", slow)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [None] * 4
    assert desk.status.local_error is None
    assert desk.sync().found == []
    assert len(kit.tags(desk.repository)) == 40


def test_a_second_process_waits_for_its_turn_and_says_so_when_it_never_comes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(desk.repository)
    code = (
        "import sys, pathlib, time; from registry.git.adapters import turns;"
        "from registry.git.adapters.repository import Repository\n"
        "with turns.writing(Repository(pathlib.Path(sys.argv[1]))):\n"
        "    print('mine', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(desk.repository)]
    monkeypatch.setattr(turns, "LOCAL_SECONDS", 0.2)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(LockedError, match="expected to write alone"):
            turns.writing(repository).__enter__()
        holder.kill()
    began = time.monotonic()
    with turns.writing(repository):
        assert time.monotonic() - began < 1
