"""Puts legal holds on objects, by S3 object lock.

A legal hold has no end, as a registration and an audit log have none; retention of files takes it
off before it frees. Objects of a bucket with object lock have versions: who overwrites one makes
a new version, and the one that was held stays.
"""

from __future__ import annotations

from infra.stores.object_store import ObjectStore, translated


def enabled(store: ObjectStore) -> bool:
    """Return whether the bucket was made with object lock."""
    from botocore.exceptions import ClientError

    where = str(store.location)
    with translated(where):
        try:
            answer = store.s3.get_object_lock_configuration(Bucket=store.location.bucket)
        except ClientError as err:
            code = err.response.get("Error", {}).get("Code", "")
            if code in {"ObjectLockConfigurationNotFoundError", "NotImplemented", "404"}:
                return False
            raise
    return bool(answer["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")


def hold(store: ObjectStore, key: str) -> None:
    """Put a legal hold on the newest version of an object."""
    _set(store, key, "ON")


def held(store: ObjectStore, key: str) -> bool:
    """Return whether the newest version of an object is under a legal hold."""
    with translated(f"{store.location}/{key}"):
        answer = store.s3.get_object_legal_hold(**_at(store, key))
    return bool(answer["LegalHold"]["Status"] == "ON")


def free(store: ObjectStore, key: str) -> None:
    """Lift the hold from every version of an object, and delete them all."""
    full = store.location.key(key)
    with translated(f"{store.location}/{key}"):
        pages = store.s3.get_paginator("list_object_versions").paginate(
            Bucket=store.location.bucket, Prefix=full
        )
        for page in pages:
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if item["Key"] != full:
                    continue
                version = {**_at(store, key), "VersionId": item["VersionId"]}
                if "Size" in item:
                    store.s3.put_object_legal_hold(**version, LegalHold={"Status": "OFF"})
                store.s3.delete_object(**version)


def _set(store: ObjectStore, key: str, status: str) -> None:
    with translated(f"{store.location}/{key}"):
        store.s3.put_object_legal_hold(**_at(store, key), LegalHold={"Status": status})


def _at(store: ObjectStore, key: str) -> dict[str, str]:
    return {"Bucket": store.location.bucket, "Key": store.location.key(key)}
