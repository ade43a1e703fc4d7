"""Compresses stored content where a sample says that it pays.

Measured on this project's models (docs/explanation/artifact-integrity.md): pickles and skops
files of trees shrink to a fifth, float32 weights hardly at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import zstandard

LEVEL = 3
SAMPLES = 4
SAMPLE_BYTES = 256 << 10
WORTH_RATIO = 0.9
"""Compressed over plain size of the sample, at most this, else it is stored unchanged."""
SMALL_BYTES = 512
_WINDOW_BYTES = 128 << 20


class Encoding(StrEnum):
    """Says how content is stored."""

    IDENTITY = "identity"
    ZSTD = "zstd"

    @property
    def suffix(self) -> str:
        """The ending of the stored file's name."""
        return ".zst" if self is Encoding.ZSTD else ""


def choose(path: Path) -> Encoding:
    """Return the best encoding for a file, judged by samples from all of it."""
    size = path.stat().st_size
    if size < SMALL_BYTES:
        return Encoding.IDENTITY
    step = max((size - SAMPLE_BYTES) // max(SAMPLES - 1, 1), 0)
    plain = packed = 0
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek(number * step)
            piece = file.read(SAMPLE_BYTES)
            plain += len(piece)
            packed += len(compressor.compress(piece))
            if step == 0:
                break
    return Encoding.ZSTD if packed <= WORTH_RATIO * plain else Encoding.IDENTITY


def compress(source: Path, target: Path) -> None:
    """Write a file's compressed form, flushed to the disk."""
    with source.open("rb") as plain, target.open("wb") as packed:
        zstandard.ZstdCompressor(level=LEVEL).copy_stream(plain, packed)
        packed.flush()
        os.fsync(packed.fileno())


def decoded(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """Yield content as it was before it was compressed.

    Raises:
        zstandard.ZstdError: it is not what was stored.
    """
    if encoding is Encoding.IDENTITY:
        yield from chunks
        return
    unpacking = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
    for chunk in chunks:
        if plain := unpacking.decompress(chunk):
            yield plain
    if not unpacking.eof:
        raise zstandard.ZstdError("the compressed content ends too early")
