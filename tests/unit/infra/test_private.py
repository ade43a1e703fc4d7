from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from infra import private
from infra.settings import Settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_an_old_root_is_repaired(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    (root / "logs").mkdir(parents=True)
    (root / "logs").chmod(0o755)
    root.chmod(0o775)
    for name, given in (("a.log", 0o644), ("run.sh", 0o755), ("object", 0o444), ("key", 0o600)):
        (root / "logs" / name).write_text("x")
        (root / "logs" / name).chmod(given)
    (root / "logs" / "link").symlink_to(outside)
    assert private.repair(root) == 5
    found = {path.name: oct(mode(path)) for path in (root, *root.rglob("*"))}
    del found["link"]
    assert found == {
        "root": "0o700", "logs": "0o700", "a.log": "0o600", "run.sh": "0o700", "object": "0o400",
        "key": "0o600",
    }  # fmt: skip
    assert mode(outside) == 0o644
    assert private.repair(root) == 0


def test_a_home_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir(mode=0o755)
    (tmp_path / "me").chmod(0o755)
    assert private.repair(tmp_path / "me") == 0
    assert private.repair(tmp_path) == 0
    assert mode(tmp_path / "me") == 0o755


def test_every_folder_on_the_way_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Settings(storage_root=tmp_path / "root").folder("run/children")
    finally:
        os.umask(before)
    made = [tmp_path / "root" / part for part in (".", "run", "run/children")]
    assert [oct(mode(path)) for path in made] == ["0o700"] * 3
