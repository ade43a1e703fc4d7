"""Digests of objects that were hashed before this process stored them in a bucket.

Registering a version takes them for objects that have the same ETag and length still, and reads
the others. Nothing but a registration does: judging, granting and serving read every byte, so a
swap that the ETag does not tell of (another content with the same MD5) is found there. Kept in
memory: after a restart, or on another server, the objects are read.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

MOST = 50_000
"""Objects that are remembered; the oldest are forgotten first. Some 20 MB."""
MOST_CONTENTS = 500
LONGEST_CONTENT_BYTES = 64 << 10
"""Of small files that a registration reads, such as `MLmodel`."""

_K = TypeVar("_K")
_V = TypeVar("_V")
Stamp = tuple[str | int, ...]
"""What a stored object has and no other that takes its place."""


class Uploads:
    """What was stored by this process, by its stamps. Threads may share it."""

    def __init__(self, most: int = MOST) -> None:
        self._digests = _Newest[Stamp, str](most)
        self._contents = _Newest[str, bytes](MOST_CONTENTS)

    def note(self, stamp: Stamp, sha256: str) -> None:
        """Remember the digest of what was stored."""
        self._digests.put(stamp, sha256)

    def sha256(self, stamp: Stamp) -> str | None:
        """Return the digest of an object with this stamp; None for one that is to be read."""
        return self._digests.get(stamp)

    def keep(self, data: bytes) -> None:
        """Remember a small file's content, which costs a call to read from an object store."""
        if len(data) <= LONGEST_CONTENT_BYTES:
            self._contents.put(hashlib.sha256(data).hexdigest(), data)

    def content(self, sha256: str) -> bytes | None:
        """Return a content that has this digest; None for one that is not remembered."""
        return self._contents.get(sha256)


class _Newest(Generic[_K, _V]):
    """A mapping that forgets what was put first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[_K, _V] = OrderedDict()
        self._lock = Lock()

    def put(self, key: _K, value: _V) -> None:
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def get(self, key: _K) -> _V | None:
        with self._lock:
            return self._values.get(key)


def of_object(bucket: str, key: str, etag: str, size_bytes: int) -> Stamp:
    """Return an object's stamp: other content has another ETag."""
    return (bucket, key, etag, size_bytes)
