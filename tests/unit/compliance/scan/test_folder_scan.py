"""The layout and the documents of a folder, with no look into the model file itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance.domain.facts import Scan
from compliance.scan import folder_scan
from tests.support.honest_folders import Format, HonestFolders
from tests.support.honest_pipelines import HONEST
from tests.support.hostile.kit import Hostile, Kind
from tests.support.hostile_folders import HOSTILE, build, remove

AROUND_THE_MODEL = {Kind.LAYOUT, Kind.MLMODEL, Kind.REQUIREMENTS}
BY_ITS_JUDGE = "a model of ten gigabytes of nothing"
ROWS = [row for row in HOSTILE if row.kind in AROUND_THE_MODEL and row.name != BY_ITS_JUDGE]


def scan(folder: Path) -> Scan:
    return folder_scan.scan(folder, lambda _model: ())


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, honest_folders: HonestFolders, tmp_path: Path
) -> Iterator[Path]:
    root = tmp_path / "root"
    root.mkdir()
    hostile: Hostile = request.param
    yield build(hostile, honest_folders, root).folder
    remove(root)


@pytest.mark.parametrize("folder", ROWS, ids=lambda row: f"{row.kind}: {row.name}", indirect=True)
def test_what_lies_around_a_model_is_refused_in_no_time(folder: Path) -> None:
    started = time.process_time()
    assert scan(folder).violations
    assert time.process_time() - started < 1


@pytest.mark.parametrize("kept", Format)
def test_an_honest_folder_is_let_through(honest_folders: HonestFolders, kept: Format) -> None:
    found = scan(honest_folders.of(HONEST[0], kept))
    assert found == Scan((), 5)


def test_a_judge_that_fails_refuses_the_model(honest_folders: HonestFolders) -> None:
    def judge(_path: Path) -> Iterator[str]:
        raise RecursionError("too deep")

    folder = honest_folders.of(HONEST[0], Format.SKOPS)
    found = folder_scan.scan(folder, judge)
    assert found.violations == ("model.skops: cannot be checked (RecursionError: too deep)",)


def test_what_the_judge_says_is_said_of_the_model(honest_folders: HonestFolders) -> None:
    folder = honest_folders.of(HONEST[0], Format.SKOPS)
    found = folder_scan.scan(folder, lambda _path: ["evil"])
    assert found.violations == ("model.skops: evil",)
