from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.honest_folders import Format, HonestFolders
from tests.support.honest_pipelines import HONEST
from tests.support.hostile.kit import ANSWER, Effect, Hostile, Kind, Site
from tests.support.hostile_folders import HOSTILE, build, remove
from tests.support.hostile_runner import Runner

SHOWN = [hostile for hostile in HOSTILE if hostile.effect is not Effect.UNTRIED]


def label(hostile: Hostile) -> str:
    return f"{hostile.kind}: {hostile.name}"


@pytest.fixture(scope="module")
def scanner(honest_folders: HonestFolders) -> Iterator[Runner]:
    yield from running("scan", honest_folders)


@pytest.fixture(scope="module")
def loader(honest_folders: HonestFolders) -> Iterator[Runner]:
    yield from running("load", honest_folders)


def running(job: str, honest_folders: HonestFolders) -> Iterator[Runner]:
    runner = Runner(job, [honest_folders.of(HONEST[0], kept) for kept in Format])
    yield runner
    runner.close()


@pytest.fixture
def site(request: pytest.FixtureRequest, honest_folders: HonestFolders, tmp_path: Path
) -> Iterator[Site]:  # fmt: skip
    root = tmp_path / "root"
    root.mkdir()
    yield build(request.param, honest_folders, root)
    remove(root)


def test_each_kind_is_tried_in_several_ways() -> None:
    count = Counter(hostile.kind for hostile in HOSTILE)
    assert min(count[kind] for kind in Kind) >= 4
    assert len({label(hostile) for hostile in HOSTILE}) == len(HOSTILE)


@pytest.mark.slow  # five hundred processes
@pytest.mark.parametrize("site", HOSTILE, ids=label, indirect=True)
def test_a_hostile_folder_is_refused_in_no_time(site: Site, scanner: Runner) -> None:
    answer = scanner.ask(site.folder)
    assert answer["ended"] == "in time", "the runner ends what takes three seconds"
    assert answer.get("violations"), answer
    assert not site.marker.exists()


@pytest.mark.slow  # some use up a second each
@pytest.mark.parametrize("site", SHOWN, ids=label, indirect=True)
def test_without_a_scan_it_does_what_it_is_for(
    site: Site, loader: Runner, request: pytest.FixtureRequest
) -> None:
    answer = loader.ask(site.folder)
    match request.node.callspec.params["site"].effect:
        case Effect.MARKER:
            assert site.marker.exists(), answer
        case Effect.SECRET:
            assert str(ANSWER) in answer.get("answer", ""), answer
        case Effect.EXHAUSTED:
            gave_up = answer["ended"] != "in time" or "Memory" in answer.get("error", "")
            assert gave_up, answer
