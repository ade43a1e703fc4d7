"""Files that are changed past the server between their upload and their registration.

A version has the digest of what is stored when it is registered. A swap that the store does not
tell of is found before anything is judged.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from infra.servers.s3 import S3
from infra.settings import Settings
from registry.files.adapters.stored_files import S3Files, open_files
from registry.plugin.s3_artifacts import MULTIPART_BYTES, ServerArtifacts
from registry.plugin.store import GovernedStore
from tests.support.stores import put_database

NAME = "credit-swapped"
PLACE = "1/" + "a" * 32 + "/artifacts/model"
SOURCE = f"mlflow-artifacts:/{PLACE}"
FILE = "weights"
CHUNK_BYTES = 1 << 16
GOOD = b"g" * (2 * CHUNK_BYTES)
BAD = b"b" + GOOD[1:]


@contextmanager
def opened(settings: Settings) -> Iterator[GovernedStore]:
    put_database(settings.storage_root)
    store = GovernedStore(settings)
    try:
        store.create_registered_model(NAME)
        yield store
    finally:
        store.registry.engine.dispose()
        store.engine.dispose()


def registered_and_stored(store: GovernedStore, settings: Settings) -> tuple[str | None, str]:
    """Register a version; return its digest and the one of the bytes in the store."""
    store.create_model_version(NAME, SOURCE)
    files = open_files(settings, SOURCE)
    assert files is not None
    return store.registry.versions.find_version(NAME, "1").manifest_digest, files.manifest().digest


# --- a folder. What comes before a swap's `yield` is done while the last bytes arrive. ---


def past_the_server(path: Path, change: Callable[[int], object]) -> None:
    """Change a file through a descriptor, and set its times back."""
    before = path.stat()
    descriptor = os.open(path, os.O_RDWR)
    change(descriptor)
    os.close(descriptor)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def draft(folder: Path) -> Path:
    [path] = folder.glob(".artifact.uploading.*")
    return path


def overwritten(folder: Path) -> Iterator[None]:
    yield
    past_the_server(folder / FILE, lambda file: os.pwrite(file, BAD, 0))


def longer_and_cut_again(folder: Path) -> Iterator[None]:
    def change(file: int) -> None:
        os.pwrite(file, b"more", len(GOOD))
        os.pwrite(file, b"b", 0)
        os.truncate(file, len(GOOD))

    yield
    past_the_server(folder / FILE, change)


def renamed_over(folder: Path) -> Iterator[None]:
    yield
    other = folder.parent / "other"
    other.write_bytes(BAD)
    os.replace(other, folder / FILE)


def linked_over(folder: Path) -> Iterator[None]:
    yield
    other = folder.parent / "other"
    other.write_bytes(BAD)
    (folder / FILE).unlink()
    os.link(other, folder / FILE)


def made_again(folder: Path) -> Iterator[None]:
    """The new file has the old one's inode, if the file system gives it out again."""
    yield
    (folder / FILE).unlink()
    (folder / FILE).write_bytes(BAD)


def written_while_it_arrived(folder: Path) -> Iterator[None]:
    past_the_server(draft(folder), lambda file: os.pwrite(file, b"b", 0))
    yield


def written_by_who_had_it_open(folder: Path) -> Iterator[None]:
    file = os.open(draft(folder), os.O_RDWR)
    yield
    os.pwrite(file, b"b", 0)  # in the same tick of the file system's clock, if that is coarse
    os.close(file)


def written_by_who_had_it_mapped(folder: Path) -> Iterator[None]:
    """A page that was written before is written again without a change of the file's times."""
    with draft(folder).open("r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        pages[0] = GOOD[0]
        yield
        pages[0] = BAD[0]


FOLDER_SWAPS = (
    overwritten,
    longer_and_cut_again,
    renamed_over,
    linked_over,
    made_again,
    written_while_it_arrived,
    written_by_who_had_it_open,
    written_by_who_had_it_mapped,
)


@pytest.mark.parametrize("swap", FOLDER_SWAPS, ids=lambda swap: swap.__name__)
def test_a_folders_swapped_file_is_registered_as_what_it_is(
    tmp_path: Path, swap: Callable[[Path], Iterator[None]]
) -> None:
    settings = Settings(storage_root=tmp_path)
    steps = swap(tmp_path / "artifacts" / PLACE)

    async def arriving() -> AsyncIterator[bytes]:
        for at in range(0, len(GOOD), CHUNK_BYTES):
            yield GOOD[at : at + CHUNK_BYTES]
        next(steps)

    with opened(settings) as store:
        proxy = LocalArtifactRepository(settings.artifacts_destination)
        asyncio.run(proxy.log_artifact_from_async_stream(arriving(), FILE, PLACE))
        next(steps, None)
        assert (tmp_path / "artifacts" / PLACE / FILE).read_bytes() == BAD
        registered, stored = registered_and_stored(store, settings)
        assert registered == stored


# --- a bucket ---


ONE_MD5 = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89"
    "55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b"
    "d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
SAME_MD5 = bytes(b ^ 0x80 * (n in {19, 45, 59, 83, 109, 123}) for n, b in enumerate(ONE_MD5))
"""The pair of Wang, Feng, Lai and Yu (2004)."""
LARGE = bytes(MULTIPART_BYTES + 1)
JOINED = "after-call.s3.CompleteMultipartUpload"

BUCKET_SWAPS = {
    # Of what was uploaded, by what, when, and whether the store tells of it.
    "overwritten": (GOOD, BAD, "uploaded", True),
    "parts_overwritten": (LARGE, b"b" + LARGE[1:], "uploaded", True),
    "parts_overwritten_before_the_server_looks": (LARGE, b"b" + LARGE[1:], "joined", True),
    "same_md5": (ONE_MD5, SAME_MD5, "uploaded", False),
}


@pytest.mark.parametrize("case", BUCKET_SWAPS)
def test_a_buckets_swapped_object_is_registered_as_what_it_is_or_found_at_the_request(
    case: str, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, when, is_told = BUCKET_SWAPS[case]
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    bucket = f"s3://{s3.new_bucket()}/acgs"
    settings = Settings(storage_root=tmp_path, artifact_root=bucket, s3_endpoint=s3.endpoint)

    def swap(**_: Any) -> None:
        files = open_files(settings, SOURCE)
        assert isinstance(files, S3Files)
        files.store.s3.meta.events.unregister(JOINED, swap)
        files.store.write(FILE, bad)

    with opened(settings) as store:
        proxy = ServerArtifacts(settings, store.registry.files.uploads)
        if when == "joined":
            proxy._get_s3_client().meta.events.register(JOINED, swap)
        (tmp_path / FILE).write_bytes(good)
        proxy.log_artifact(str(tmp_path / FILE), PLACE)
        if when == "uploaded":
            swap()
        registered, stored = registered_and_stored(store, settings)
        assert (registered == stored) is is_told
        if not is_told:
            with pytest.raises(MlflowException, match=f"{FILE}: content changed"):
                store.transition_model_version_stage(NAME, "1", "Staging", False)
