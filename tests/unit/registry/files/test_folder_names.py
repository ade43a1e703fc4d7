from __future__ import annotations

from pathlib import Path

import pytest

from registry.files.adapters import folder_names
from registry.files.adapters.folder_names import elsewhere, names, read_mounts

TABLE = r"""
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
22 21 8:2 / /srv rw - ext4 /dev/sdb1 rw
23 21 8:2 /acgs/artifacts /mnt/same rw - ext4 /dev/sdb1 rw
24 21 8:2 / /mnt/all\040of\040it rw - ext4 /dev/sdb1 rw
25 21 0:5 / /proc rw - proc proc rw
26 21 8:1 /opt/data /srv/acgs/artifacts/here rw - ext4 /dev/sda1 rw
27 21 8:9 / /hidden rw - ext4 /dev/sdd1 rw
28 21 8:2 /acgs /hidden rw - ext4 /dev/sdb1 rw
broken
"""


@pytest.mark.parametrize(
    ("path", "others"),
    [
        (
            "/srv/acgs/artifacts/1/x",
            {"/mnt/same/1/x", "/mnt/all of it/acgs/artifacts/1/x", "/hidden/artifacts/1/x"},
        ),
        ("/srv/acgs", {"/mnt/all of it/acgs", "/hidden"}),
        ("/srv/other", {"/mnt/all of it/other"}),
        (
            "/mnt/same/1",
            {
                "/srv/acgs/artifacts/1",
                "/mnt/all of it/acgs/artifacts/1",
                "/hidden/artifacts/1",
            },
        ),
        ("/srv/acgs/artifacts/here/1", {"/opt/data/1"}),
        ("/opt/data/1", {"/srv/acgs/artifacts/here/1"}),
        (
            "/hidden/artifacts/1",
            {"/srv/acgs/artifacts/1", "/mnt/same/1", "/mnt/all of it/acgs/artifacts/1"},
        ),
        ("/home/me", set()),
    ],
)  # fmt: skip
def test_what_is_mounted_twice_is_found_under_each_name(path: str, others: set[str]) -> None:
    assert set(elsewhere(path, read_mounts(TABLE))) == others


def test_where_nothing_is_known_of_mounts_there_are_no_others() -> None:
    assert list(elsewhere("/srv", [])) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    real = tmp_path / "real" / "1"
    real.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "chain").symlink_to(tmp_path / "link")
    return real


@pytest.mark.parametrize(
    "spelled",
    [
        "{0}",
        "{0}/",
        "/proc/self/root{0}",
        "/proc/thread-self/root{0}",
        "/proc/self/root/proc/self/root{0}",
        "/proc/self/cwd/../../../../../../../../../..{0}",
        "/dev/fd/../root{0}",
        "{1}/link/1",
        "{1}/chain/1",
        "{1}/link/../real/1",
        "//{0}",
    ],
)
def test_every_spelling_of_a_folder_has_its_real_name(folder: Path, spelled: str) -> None:
    path = spelled.format(folder, folder.parents[1])
    assert f"file:{folder}" in names(f"file:/{path.lstrip('/')}")


def test_what_does_not_exist_yet_is_named_after_the_folder_that_does(folder: Path) -> None:
    assert f"file:{folder}/new/x" in names(f"file:/proc/self/root{folder}/new/x")


def test_other_capitals_are_the_same_folder_where_the_file_system_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spelled = f"file:{folder.parent.parent}/REAL/1"
    assert f"file:{folder}" not in names(spelled)
    # A link in other capitals behaves as a file system that distinguishes none.
    (folder.parent.parent / "REAL").symlink_to(folder.parent)
    assert f"file:{folder}" in names(spelled)
    monkeypatch.setattr("os.listdir", lambda _folder: ["real"])
    assert folder_names._entry(str(folder.parent.parent), "REAL") == "real"


def test_a_folder_that_cannot_be_entered_has_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: str) -> str:
        raise PermissionError

    monkeypatch.setattr("os.path.realpath", refuse)  # as for /proc/1/root, if not root
    assert names("file:/proc/1/root") == {"file:/proc/1/root"}


@pytest.mark.parametrize("place", ["s3://bucket/x", "proxy:1/x", "dbfs:///x", "file:/a\0b"])
def test_what_is_not_on_this_machine_has_one_name(place: str) -> None:
    assert names(place) == {place}
