"""Digests of what is uploaded to a bucket, which a registration need not read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.servers.s3 import S3
from infra.settings import Settings
from registry.files.adapters.stored_files import StoredFiles, open_files
from registry.files.adapters.uploads import LONGEST_CONTENT_BYTES, Uploads
from registry.plugin.s3_artifacts import ServerArtifacts

SOURCE = "mlflow-artifacts:/1/" + "a" * 32 + "/artifacts/model"
PLACE = SOURCE.removeprefix("mlflow-artifacts:/")
LENGTHS = {"MLmodel": 100, "empty": 0, "deep/weights": 9 << 20}
"""S3 takes the last in several parts."""


@pytest.fixture
def settings(s3: S3, tmp_path: Path) -> Iterator[Settings]:
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
    (scratch / tail).write_bytes(data)
    ServerArtifacts(settings, uploads).log_artifact(str(scratch / tail), head)


def test_what_was_uploaded_is_not_read_again_to_register_it(
    files: StoredFiles, uploads: Uploads
) -> None:
    read: list[int] = []
    known = files.manifest(read.append, uploads)
    assert read == []
    assert known == files.manifest(read.append)
    assert sum(read) == sum(LENGTHS.values())


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
