"""The platform's S3 client against a real server: what it does, and how each refusal is told."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.errors import PlatformError, UsageError
from infra.servers.s3 import S3, User
from infra.settings import Settings
from infra.stores import object_store
from infra.stores.errors import (
    BucketMissingError,
    ObjectChangedError,
    ObjectMissingError,
    ObjectNameError,
    StoreCredentialsError,
    StoreDeniedError,
    StoreFullError,
    StoreUnreachableError,
    translate,
)
from infra.stores.health import require_artifact_store
from infra.stores.object_store import Location, ObjectStore, translated
from tests.ports import free_port

Open = Callable[..., ObjectStore]
READ_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::*"],
        }
    ],
}


@pytest.fixture
def enter(monkeypatch: pytest.MonkeyPatch, s3: S3) -> Callable[[User], None]:
    """Act as a user of the server from here on."""

    def enter(user: User) -> None:
        for name, value in s3.environment(user).items():
            monkeypatch.setenv(name, value)

    return enter


@pytest.fixture
def settings(s3: S3, enter: Callable[[User], None], tmp_path: Path) -> Settings:
    enter(s3.user)
    return Settings(
        storage_root=tmp_path, s3_endpoint=s3.endpoint, artifact_root=f"s3://{s3.new_bucket()}/acgs"
    )


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return ObjectStore.of(settings, settings.artifacts_destination)


def test_what_was_written_is_read_listed_and_deleted(store: ObjectStore) -> None:
    store.write("a/b c+é.bin", b"abc")
    store.write("ab", b"")
    assert store.read("a/b c+é.bin") == b"abc"
    assert [(entry.key, entry.size_bytes) for entry in store.entries()] == [
        ("a/b c+é.bin", 3),
        ("ab", 0),
    ]
    assert [entry.key for entry in store.entries("a/")] == ["a/b c+é.bin"]
    store.delete(["a/b c+é.bin", "never-was"])
    assert [entry.key for entry in store.entries()] == ["ab"]


def test_a_folder_goes_up_and_comes_down_as_it_was(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    (source / "MLmodel").write_text("flavors: {}\n")
    (source / "deep" / "er" / "large.bin").write_bytes(bytes(range(256)) * 40_000)
    assert store.upload_all(source) == 2
    target = tmp_path / "target"
    assert store.download_all(target) == 2
    for file in ("MLmodel", "deep/er/large.bin"):
        assert (target / file).read_bytes() == (source / file).read_bytes()


def test_of_two_who_create_an_object_one_is_told(store: ObjectStore) -> None:
    store.write("lock", b"mine", only_new=True)
    with pytest.raises(ObjectChangedError):
        store.write("lock", b"yours", only_new=True)
    assert store.read("lock") == b"mine"


@pytest.mark.parametrize("key", ["../other", "a/../../other", "/etc/passwd"])
def test_a_key_outside_the_prefix_is_refused(store: ObjectStore, key: str) -> None:
    with pytest.raises(UsageError, match=r"relative key without '\.\.'"):
        store.write(key, b"")


def test_a_stored_key_that_points_outside_is_never_written_to_disk(
    store: ObjectStore, tmp_path: Path
) -> None:
    # MinIO refuses such keys; another server may not.
    class Foreign:
        def get_paginator(self, _name: str) -> Foreign:
            return self

        def paginate(self, **_query: str) -> list[Any]:
            item = {"Key": "acgs/../../outside", "Size": 1, "LastModified": None}
            return [{"Contents": [item]}]

    foreign = ObjectStore(store.location, Foreign())
    with pytest.raises(UsageError, match="outside"):
        foreign.download_all(tmp_path / "into")


@pytest.mark.parametrize("uri", ["s3://", "http://bucket/x", "bucket", "s3:///x", "s3://b/../c"])
def test_a_location_that_means_nothing_is_refused(uri: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        Location.parse(uri)


def test_a_working_store_passes_the_check_and_is_left_as_it_was(
    store: ObjectStore, settings: Settings
) -> None:
    assert require_artifact_store(settings).startswith("s3://")
    assert list(store.entries()) == []


@pytest.mark.parametrize("key", ["a\\..\\b", "folder/" + "n" * 300, "n" * 1100])
def test_a_name_that_the_store_does_not_take_is_wrong_usage(store: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectNameError, match="expected an object name that the store takes"):
        store.write(key, b"")


def test_parts_of_an_upload_that_was_never_begun_are_missing(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError, match="multipart upload under way"), translated("here"):
        store.s3.complete_multipart_upload(
            Bucket=store.location.bucket,
            Key="k",
            UploadId="nobody-began-this",
            MultipartUpload={"Parts": [{"ETag": "e", "PartNumber": 1}]},
        )


def test_a_missing_object_is_named(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissingError, match="acgs/nothing: expected an object"):
        store.read("nothing")


def test_a_wrong_secret_is_told_as_one(
    s3: S3, settings: Settings, enter: Callable[[User], None]
) -> None:
    for user in (User(s3.user.access_key, "wrong-secret"), User("nobody-knows-me", "x" * 16)):
        enter(user)
        with pytest.raises(StoreCredentialsError, match="refused the credentials") as caught:
            require_artifact_store(settings)
        assert not caught.value.retriable
        assert "AWS_SECRET_ACCESS_KEY" in (caught.value.hint or "")


def test_no_credentials_at_all_are_told_as_that(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreCredentialsError, match="expected credentials in the environment"):
        require_artifact_store(settings)


def test_a_bucket_that_is_read_only_or_denied_says_what_was_not_allowed(
    s3: S3, settings: Settings, enter: Callable[[User], None]
) -> None:
    enter(s3.new_user(READ_ONLY))
    with pytest.raises(StoreDeniedError, match="does not allow PutObject"):
        require_artifact_store(settings)
    nothing = {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}
    enter(s3.new_user({"Version": "2012-10-17", "Statement": [nothing]}))
    with pytest.raises(StoreDeniedError, match="does not allow ListObjectsV2"):
        require_artifact_store(settings)


def test_a_bucket_that_vanished_is_missing(s3: S3, store: ObjectStore) -> None:
    s3.client().delete_bucket(Bucket=store.location.bucket)
    for act in (lambda: store.write("k", b""), lambda: list(store.entries()), store.check):
        with pytest.raises(BucketMissingError, match="does not exist"):
            act()


def test_a_full_bucket_is_told_as_full_and_may_be_tried_again(s3: S3, store: ObjectStore) -> None:
    s3.admin.set_quota(store.location.bucket, 1000)
    with pytest.raises(StoreFullError, match="no room") as caught:
        store.write("big", b"x" * 2000)
    assert caught.value.retriable
    s3.admin.set_quota(store.location.bucket, 0)
    store.write("big", b"x" * 2000)


def test_a_file_that_does_not_fit_is_told_as_full_too(
    s3: S3, store: ObjectStore, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 5000)
    s3.admin.set_quota(store.location.bucket, 1000)
    with pytest.raises(StoreFullError):
        store.upload(file, "file")


def test_a_server_that_does_not_run_is_unreachable(
    settings: Settings,
) -> None:
    away = replace(settings, s3_endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnreachableError, match="did not answer") as caught:
        ObjectStore.of(away, settings.artifacts_destination).read("k")
    assert caught.value.retriable


def test_a_server_that_accepts_and_says_nothing_is_unreachable(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "READ_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        away = replace(settings, s3_endpoint=url)
        store = ObjectStore(Location("bucket"), object_store.client(away, attempts=1))
        with pytest.raises(StoreUnreachableError):
            store.read("k")


def test_a_client_is_made_once_for_each_endpoint_and_user(
    s3: S3, settings: Settings, enter: Callable[[User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = object_store.client(settings)
    assert object_store.client(settings) is first
    assert object_store.client(settings, attempts=1) is not first
    enter(s3.new_user(READ_ONLY))
    assert object_store.client(settings) is not first
    monkeypatch.setattr(object_store, "CLIENT_SECONDS", 1e-6)
    assert object_store.client(settings) is not object_store.client(settings)


def test_a_server_that_comes_back_is_used_again(s3: S3, store: ObjectStore) -> None:
    store.write("kept", b"1")
    s3.kill()
    s3.start()
    assert store.read("kept") == b"1"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("XMinioStorageFull", StoreFullError),
        ("SlowDown", StoreUnreachableError),
        ("ExpiredToken", StoreCredentialsError),
        ("SomethingElse", PlatformError),
    ],
)
def test_what_a_test_server_does_not_say_is_told_too(code: str, kind: type[PlatformError]) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "said"}}, "PutObject")
    assert isinstance(translate(error, "s3://b/k"), kind)
    with pytest.raises(kind, match="s3://b/k"), translated("s3://b/k"):
        raise error
