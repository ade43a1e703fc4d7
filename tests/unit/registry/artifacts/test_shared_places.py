"""Whatever folders are called, nothing that a kept version is made of is freed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.settings import Settings
from registry.artifacts.domain.retention import DAY_MS, RetentionFacts, decide
from registry.files.adapters.real_places import object_key, real_place

NOW_MS = 1_000 * DAY_MS
FOLDERS = ["", "1", "1/a", "1/a/artifacts", "1/a/artifacts/m", "1/a/artifacts/mm", "1/b", "2/m"]
FILE = "f"
SPELLINGS = st.sampled_from(range(8))


@dataclass(frozen=True)
class Store:
    """Artifacts below a root; `link` is another way to the root, where there is one."""

    settings: Settings
    root: str
    link: str = ""

    def uri(self, folder: str, spelling: int) -> str:
        inside = f"/{folder}".rstrip("/")
        root = self.root
        local = not root.startswith("s3:")
        scheme = "file://" if local else ""
        return [
            root + inside,
            f"{root}{inside}/",
            f"mlflow-artifacts:{inside or '/'}",
            f"mlflow-artifacts://host:5000{inside}/",
            f"http://h:1/api/2.0/mlflow-artifacts/artifacts{inside}",
            f"{scheme}{root}{inside.replace('a', '%61')}",
            f"{root}/x/..{inside}" if local else f"mlflow-artifacts:{inside.replace('m', '%6D')}",
            f"{self.link or root}{inside}",
        ][spelling]


@pytest.fixture(scope="module", params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if request.param == "bucket":
            root = "s3://bucket/acgs"
            yield Store(Settings(storage_root=base, artifact_root=root), root)
            return
        (base / "artifacts").mkdir()
        (base / "artifacts" / "x").mkdir()
        os.symlink(base / "artifacts", base / "link")
        settings = Settings(storage_root=base)
        yield Store(settings, str(base / "artifacts"), str(base / "link"))


@given(folder=st.sampled_from(FOLDERS), one=SPELLINGS, other=SPELLINGS)
def test_every_spelling_of_a_folder_is_one_place(
    store: Store, folder: str, one: int, other: int
) -> None:
    places = {real_place(store.settings, store.uri(folder, spelling)) for spelling in (one, other)}
    assert len(places) == 1
    assert None not in places


@given(
    versions=st.lists(
        st.tuples(st.sampled_from(FOLDERS), SPELLINGS, st.booleans()), min_size=1, max_size=6
    )
)
def test_no_file_of_a_kept_version_is_freed_with_another(
    store: Store, versions: list[tuple[str, int, bool]]
) -> None:
    facts, objects = [], {}
    for number, (folder, spelling, held) in enumerate(versions):
        place = real_place(store.settings, store.uri(folder, spelling))
        assert place is not None
        hold = "case 7" if held else ""
        facts.append(RetentionFacts(str(number), str(number), place, 0, legal_hold=hold))
        below = [f for f in FOLDERS if f == folder or not folder or f.startswith(f"{folder}/")]
        root = real_place(store.settings, store.root)
        assert root is not None
        objects[str(number)] = {object_key(root, f"{f}/{FILE}".lstrip("/")) for f in below}
    freed = {d.uid for d in decide(facts, NOW_MS, 90) if d.free}
    gone = {key for uid in freed for key in objects[uid]}
    kept = {key for uid, keys in objects.items() if uid not in freed for key in keys}
    assert not gone & kept
    assert freed.isdisjoint(f.uid for f in facts if f.legal_hold)
    if not any(held for *_, held in versions):
        assert len(freed) == len(versions)


def test_a_folder_that_nobody_can_read_has_no_place(store: Store) -> None:
    assert real_place(store.settings, "mlflow-artifacts:/1/%2E%2E/x") is None
    assert real_place(store.settings, "s3:///x") is None
