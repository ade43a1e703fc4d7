"""One digest for all files of a version."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.adapters.artifact_files import ArtifactError, build_manifest
from registry.domain.manifest import FileEntry, Manifest, difference

entries = st.lists(
    st.builds(
        FileEntry,
        st.text(alphabet="abc/é.", min_size=1, max_size=6),
        st.integers(0, 2**40),
        st.sampled_from(["a" * 64, "b" * 64]),
    ),
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
    assert difference(original, swapped) == ("data/v: content changed", "data/w: content changed")


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
