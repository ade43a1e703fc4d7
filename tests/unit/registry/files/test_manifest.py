"""One digest for all files of a version."""

import hashlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain import canonical
from registry.errors import ArtifactError
from registry.files.adapters.artifact_files import build_manifest
from registry.files.domain.manifest import FileEntry, Manifest, difference, require_apart

NFC, NFD = "caf\u00e9", "cafe\u0301"
names = st.sampled_from(["a", "b", ".c", "a.b", "...", NFC, NFD, "\U0001f600", "\ue000"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.lists(
    st.builds(FileEntry, paths, st.integers(0, 2**40), st.sampled_from([c * 64 for c in "abcd"])),
    unique_by=lambda e: e.path,
    max_size=6,
)


@given(entries, st.randoms())
def test_the_digest_does_not_depend_on_the_order_of_files(files: list[FileEntry], rnd) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(files)
    rnd.shuffle(shuffled)
    assert Manifest.of(files).digest == Manifest.of(shuffled).digest


@given(entries, entries)
def test_equal_digests_mean_equal_files(one: list[FileEntry], other: list[FileEntry]) -> None:
    a, b = Manifest.of(one), Manifest.of(other)
    assert (a.digest == b.digest) == (a == b)
    assert (difference(a, b) == ()) == (a == b)


@given(entries)
def test_a_manifest_is_read_as_it_was_written(files: list[FileEntry]) -> None:
    manifest = Manifest.of(files)
    written = json.dumps(manifest.document(), ensure_ascii=True)
    assert Manifest.read(json.loads(written)) == manifest


@given(entries)
def test_the_canonical_form_is_that_of_any_other_implementation(files: list[FileEntry]) -> None:
    document = Manifest.of(files).document()
    # Without floats and with ASCII keys, RFC 8785 is JSON with sorted keys and no white space.
    plain = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical.canonical_bytes(document) == plain.encode()


@given(entries, st.data())
def test_each_change_of_one_file_is_named(files: list[FileEntry], data: st.DataObject) -> None:
    if not files:
        return
    manifest = Manifest.of(files)
    one = data.draw(st.sampled_from(files))
    others = [file for file in files if file is not one]
    flipped = replace(one, sha256="e" * 64)
    assert difference(manifest, Manifest.of(others)) == (f"{one.path}: missing",)
    assert difference(Manifest.of(others), manifest) == (f"{one.path}: added",)
    assert difference(manifest, Manifest.of([*others, flipped])) == (
        f"{one.path}: content changed",
    )


def test_names_that_look_alike_are_two_files(tmp_path: Path) -> None:
    for name in (NFC, NFD):
        (tmp_path / name).write_text(name)
    manifest = build_manifest(tmp_path)
    assert {file.path for file in manifest.files} == {NFC, NFD}
    assert Manifest.of([manifest.files[0]]).digest != Manifest.of([manifest.files[1]]).digest


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", ".", "../a", "a/../b", "./a", "a\0b"])
def test_a_path_that_points_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="expected a relative path"):
        FileEntry(path, 1, "a" * 64)


def test_a_name_that_is_not_utf_8_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    with pytest.raises(ArtifactError, match="UTF-8") as refused:
        build_manifest(tmp_path)
    assert "other file names" in (refused.value.hint or "")


def test_the_same_path_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Manifest.of([FileEntry("a", 1, "a" * 64), FileEntry("a", 2, "b" * 64)])


def test_large_files_are_hashed_as_hashlib_does(tmp_path: Path) -> None:
    contents = {name: random.Random(name).randbytes(3 << 20) for name in ("a", "b", "c")}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    seen: list[int] = []
    found = build_manifest(tmp_path, seen.append)
    assert sum(seen) == found.size_bytes == 9 << 20
    for file in found.files:
        assert file.sha256 == hashlib.sha256(contents[file.path]).hexdigest()


def make(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_one_changed_byte_an_added_file_and_two_swapped_files_each_change_the_digest(
    tmp_path: Path,
) -> None:
    original = build_manifest(make(tmp_path / "a", MLmodel="x", data__w="1", data__v="2"))
    changed = build_manifest(make(tmp_path / "b", MLmodel="y", data__w="1", data__v="2"))
    added = build_manifest(make(tmp_path / "c", MLmodel="x", data__w="1", data__v="2", d="3"))
    swapped = build_manifest(make(tmp_path / "d", MLmodel="x", data__w="2", data__v="1"))
    digests = {m.digest for m in (original, changed, added, swapped)}
    assert len(digests) == 4
    assert difference(original, changed) == ("MLmodel: content changed",)
    assert difference(original, added) == ("d: added",)
    assert difference(original, swapped) == (
        "data/v: swapped with data/w",
        "data/w: swapped with data/v",
    )


def test_hidden_files_are_part_of_the_digest(tmp_path: Path) -> None:
    plain = build_manifest(make(tmp_path / "a", MLmodel="x"))
    hidden = make(tmp_path / "b", MLmodel="x")
    (hidden / ".git").mkdir()
    (hidden / ".git" / "evil.py").write_text("print()")
    assert build_manifest(hidden).digest != plain.digest


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", MLmodel="x")
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(ArtifactError, match="found a link"):
        build_manifest(folder)


def test_an_empty_folder_is_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="empty folder"):
        build_manifest(tmp_path)


def test_a_file_that_is_a_folder_too_is_refused() -> None:
    require_apart(["a", "a-b/c", "ab/c/d"])
    with pytest.raises(ValueError, match="found both: 'a/b'"):
        require_apart(["a/b/c/d", "a/b"])
