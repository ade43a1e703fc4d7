from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.errors import PlatformError
from infra.settings import Settings
from registry.files.adapters.artifact_files import build_manifest
from serving.domain.seldon import ServedVersion
from serving.engines.local.model_folders import ModelFolders
from tests.support.hostile.layout import deep
from tests.support.hostile_folders import remove


@dataclass
class Handed:
    """Hands out a folder as it is, however it came to be so after it was proven."""

    folder: Path

    def model_files(self, uid: str) -> Path:
        return self.folder

    def release_files(self, folder: Path) -> None: ...


def version(digest: str = "") -> ServedVersion:
    return ServedVersion("u1", "credit", 1, "1.0.0", digest, "")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {}\n")
    return folder


@pytest.fixture
def folders(tmp_path: Path, source: Path) -> ModelFolders:
    return ModelFolders(Settings(storage_root=tmp_path / "root"), Handed(source))


def _closed(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: deep(folder, 33),
        lambda folder: deep(folder, 600, file="x"),
        lambda folder: deep(folder, 100, "d" * 200),
        lambda folder: deep(folder, 25, "d" * 200, "x"),
        lambda folder: (folder / "link").symlink_to("/etc"),
        _closed,
        lambda folder: (folder / "MLmodel").write_text("other"),
        lambda folder: (folder / "MLmodel").unlink(),
    ],
    ids=["33 levels", "600 levels", "beyond a path", "a long path", "a link",
         "a pipe", "other content", "nothing"],
)  # fmt: skip
def test_files_that_no_copy_can_be_made_of_are_told_as_an_error_of_ours(
    folders: ModelFolders, source: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    registered = build_manifest(source).digest
    spoil(source)
    with pytest.raises(PlatformError, match=r"expected|cannot"):
        folders.materialise(version(registered))
    assert list((tmp_path / "root" / "serving" / "models").iterdir()) == []
    remove(source)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda copy: deep(copy, 600),
        lambda copy: (copy / "link").symlink_to("/etc"),
        lambda copy: (copy / "MLmodel").write_text("other"),
        lambda copy: (copy / "MLmodel").unlink(),
    ],
    ids=["600 levels", "a link", "other content", "no file"],
)
def test_a_copy_that_was_changed_is_made_again(
    folders: ModelFolders, source: Path, spoil: Callable[[Path], object]
) -> None:
    digest = build_manifest(source).digest
    copy = folders.materialise(version(digest))
    spoil(copy)
    assert folders.materialise(version(digest)) == copy
    assert build_manifest(copy).digest == digest


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ('{"dataframe_split": {"columns": ["a"], "data": [[1]]}}',
         b'{"data": {"names": ["a"], "ndarray": [[1]]}}'),
        ('{"inputs": [[1]]}', b'{"data": {"ndarray": [[1]]}}'),
        ('{"inputs": ' + "[" * 10_000 + "]" * 10_000 + "}", None),
        ("[" * 100_000, None),
        ("[1, 2]", None),
        ("1", None),
        ('"text"', None),
        ("null", None),
        ('{"dataframe_split": [1]}', None),
        ('{"inputs": "' + "x" * 2_000_000 + '"}', None),
        ("no JSON", None),
        ("\udcff", None),
    ],
    ids=lambda value: str(value)[:24].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_an_example_is_asked_or_left_out_whatever_it_holds(
    folders: ModelFolders, source: Path, text: str, asked: bytes | None
) -> None:
    data = text.encode("utf-8", "surrogateescape")
    (source / "serving_input_example.json").write_bytes(data)
    folders.materialise(version())
    assert folders.examples(version()) == (() if asked is None else (asked,))
