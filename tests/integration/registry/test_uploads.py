"""Digests that are taken while files are uploaded, and what becomes of them when files change."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException

from infra.servers.s3 import S3
from infra.settings import Settings
from registry.files.adapters.stored_files import LocalFiles, S3Files, StoredFiles, open_files
from registry.files.adapters.uploads import LONGEST_CONTENT_BYTES, Uploads, of_file
from registry.plugin.folder_artifacts import FolderArtifacts
from registry.plugin.s3_artifacts import ServerArtifacts
from registry.plugin.store import GovernedStore

NAME = "credit-uploaded"
SOURCE = "mlflow-artifacts:/1/" + "a" * 32 + "/artifacts/model"
PLACE = SOURCE.removeprefix("mlflow-artifacts:/")
LENGTHS = {"MLmodel": 100, "empty": 0, "deep/weights": 9 << 20}
"""S3 takes the last in several parts."""


@pytest.fixture(params=["folder", "s3"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "folder":
        yield Settings(storage_root=tmp_path)
        return
    s3: S3 = request.getfixturevalue("s3")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment().items():
            patch.setenv(name, value)
        bucket = f"s3://{s3.new_bucket()}/acgs"
        yield Settings(storage_root=tmp_path, artifact_root=bucket, s3_endpoint=s3.endpoint)


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def files(settings: Settings, uploads: Uploads, tmp_path: Path) -> StoredFiles:
    """A model's files, uploaded as the server's proxy stores what it is sent."""
    for name, length in LENGTHS.items():
        upload(settings, uploads, tmp_path, name, b"w" * length)
    found = open_files(settings, SOURCE)
    assert found is not None
    return found


def upload(settings: Settings, uploads: Uploads, scratch: Path, name: str, data: bytes) -> None:
    head, _, tail = f"{PLACE}/{name}".rpartition("/")
    if settings.artifact_root:
        (scratch / tail).write_bytes(data)
        ServerArtifacts(settings, uploads).log_artifact(str(scratch / tail), head)
        return

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1 << 16):
            yield data[at : at + (1 << 16)]

    folder = FolderArtifacts(settings.artifacts_destination, uploads)
    asyncio.run(folder.log_artifact_from_async_stream(chunks(), tail, head))


def overwrite(files: StoredFiles, name: str, data: bytes) -> None:
    """Write a stored file past the proxy; one of a folder keeps its times."""
    if isinstance(files, LocalFiles):
        path = files.folder / name
        before = path.stat()
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        assert isinstance(files, S3Files)
        files.store.write(name, data)


def test_what_was_uploaded_is_not_read_again_to_register_it(
    files: StoredFiles, uploads: Uploads
) -> None:
    read: list[int] = []
    known = files.manifest(read.append, uploads)
    assert read == []
    assert known == files.manifest(read.append)
    assert sum(read) == sum(LENGTHS.values())


@pytest.mark.parametrize("name", ["MLmodel", "deep/weights"])
def test_a_file_that_changed_past_the_proxy_is_read(
    files: StoredFiles, uploads: Uploads, name: str
) -> None:
    overwrite(files, name, b"x" * LENGTHS[name])
    read: list[int] = []
    assert files.manifest(read.append, uploads) == files.manifest()
    assert sum(read) == LENGTHS[name]


def test_a_file_that_was_uploaded_again_is_known_as_it_is_now(
    files: StoredFiles, settings: Settings, uploads: Uploads, tmp_path: Path
) -> None:
    upload(settings, uploads, tmp_path, "MLmodel", b"other")
    read: list[int] = []
    assert files.manifest(read.append, uploads) == files.manifest()
    assert read == []


def test_the_oldest_are_forgotten_first() -> None:
    uploads = Uploads(most=2)
    for name in ("a", "b", "a", "c"):
        uploads.note((name,), name)
    assert [uploads.sha256((name,)) for name in "abc"] == ["a", None, "c"]


def test_a_content_is_known_by_its_digest_alone() -> None:
    uploads = Uploads()
    for data in (b"small", bytes(LONGEST_CONTENT_BYTES + 1)):
        uploads.keep(data)
    assert uploads.content(hashlib.sha256(b"small").hexdigest()) == b"small"
    assert uploads.content(hashlib.sha256(bytes(LONGEST_CONTENT_BYTES + 1)).hexdigest()) is None


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Callable[[], GovernedStore]]:
    """Open a store that remembers another digest than the one of what is stored."""
    settings = Settings(storage_root=tmp_path)
    opened: list[GovernedStore] = []

    def forge() -> GovernedStore:
        folder = tmp_path / "artifacts" / PLACE
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"swapped")
        store = GovernedStore(settings)
        opened.append(store)
        store.registry.files.uploads.note(of_file((folder / "weights").stat()), "0" * 64)
        store.create_registered_model(NAME)
        return store

    yield forge
    for store in opened:
        store.registry.engine.dispose()
        store.engine.dispose()


def test_a_swap_that_the_store_does_not_tell_is_found_before_anything_is_judged(
    forge: Callable[[], GovernedStore],
) -> None:
    store = forge()
    store.create_model_version(NAME, SOURCE)
    with pytest.raises(MlflowException, match="weights: content changed") as told:
        store.transition_model_version_stage(NAME, "1", "Staging", False)
    assert told.value.error_code == "PERMISSION_DENIED"
