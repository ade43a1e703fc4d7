"""Content is compressed where it pays, and comes back as it was."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.artifacts.adapters.compression import Encoding, choose, compress, decoded

RANDOM = random.Random(7).randbytes(2 << 20)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"", Encoding.IDENTITY),
        (b"a" * 100, Encoding.IDENTITY),
        (b"a" * 10_000, Encoding.ZSTD),
        (RANDOM, Encoding.IDENTITY),
        (RANDOM[: 1 << 20] + bytes(8 << 20), Encoding.ZSTD),
    ],
)
def test_a_sample_from_end_to_end_decides(
    tmp_path: Path, content: bytes, encoding: Encoding
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert choose(file) is encoding


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000), st.integers(1, 100))
def test_compressed_content_comes_back_whole(tmp_path: Path, content: bytes, step: int) -> None:
    (tmp_path / "plain").write_bytes(content)
    compress(tmp_path / "plain", tmp_path / "packed")
    packed = (tmp_path / "packed").read_bytes()
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert b"".join(decoded(pieces, Encoding.ZSTD)) == content
    with pytest.raises(zstandard.ZstdError):
        list(decoded([packed[:-1]], Encoding.ZSTD))
