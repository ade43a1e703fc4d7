"""Computes SHA-256 of files as fast as the processor allows.

OpenSSL lets go of the interpreter while it hashes, so files are hashed side by side. Whole files
are read through a buffer of one MiB, which `hashlib.file_digest` (256 KiB) is no faster than.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from registry.files.domain.manifest import FileEntry

CHUNK_BYTES = 1 << 20
ALONE_BYTES = 4 << 20
"""Up to this size in all, threads cost more than they bring."""

Pace = Callable[[int], None]
"""Called with the number of bytes read; may sleep to limit the rate, or raise to stop."""


def hash_file(path: Path, name: str, pace: Pace | None = None) -> FileEntry:
    """Hash one file as the manifest entry of that name.

    Raises:
        OSError: it cannot be read, or is a link.
        ValueError: the name is none that a manifest may hold.
    """
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        # A small file's digest takes less time than an empty buffer of one MiB.
        buffer = bytearray(min(CHUNK_BYTES, os.fstat(descriptor).st_size + 1))
        view = memoryview(buffer)
        while count := file.readinto(buffer):
            digest.update(view[:count])
            size += count
            if pace is not None:
                pace(count)
    return FileEntry(name, size, digest.hexdigest())


def hash_chunks(name: str, chunks: Iterable[bytes], pace: Pace | None = None) -> FileEntry:
    """Hash what arrives in pieces, keeping none of it."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
        if pace is not None:
            pace(len(chunk))
    return FileEntry(name, size, digest.hexdigest())


def hash_all(
    jobs: Sequence[tuple[int, Callable[[], FileEntry]]], threads: int | None = None
) -> list[FileEntry]:
    """Run jobs of (size in bytes, work) in parallel, the largest first; yields in any order.

    Args:
        jobs: what to hash.
        threads: at most this many; None means one per processor.
    """
    count = min(threads or os.cpu_count() or 1, len(jobs))
    if count < 2 or (threads is None and sum(size for size, _ in jobs) <= ALONE_BYTES):
        return [work() for _, work in jobs]
    ordered = sorted(jobs, key=lambda job: job[0], reverse=True)
    with ThreadPoolExecutor(count, thread_name_prefix="sha256") as pool:
        futures = [pool.submit(work) for _, work in ordered]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
