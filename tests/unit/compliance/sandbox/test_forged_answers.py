"""Answers that a model wrote itself past numpy are one refusal, whatever their header says."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest

from compliance.errors import SandboxError
from compliance.sandbox.answers import decode


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + body


def described(dtype: str, shape: str) -> str:
    return f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}"


FORGED = {
    "a petabyte": npy(described("<f8", "(1000000000000000,)")),
    "a few gigabytes": npy(described("<f8", "(3000000000,)")),
    "a negative length": npy(described("<f8", "(-1,)")),
    "fewer bytes than rows": npy(described("<f8", "(1,)"), b"\0" * 4),
    "more bytes than rows": npy(described("<f8", "(1,)"), b"\0" * 16),
    "a table": npy(described("<f8", "(1, 1)"), b"\0" * 8),
    "minus signs": npy("-" * 9_000 + "1"),
    "a few minus signs": npy("-" * 200 + "1"),
    "brackets": npy("(" * 9_000 + ")" * 900),
    "a few brackets": npy("(" * 220),
    "an open bracket": npy("{'descr': ("),
    "no text": b"\x93NUMPY\x02\x00\x02\x00\x00\x00\xff\xfe",
    "a version to come": b"\x93NUMPY\x09\x00" + b"\0" * 8,
    "complex numbers": npy(described("<c16", "(1,)"), b"\0" * 16),
    "objects": npy(described("|O", "(1,)"), b"\0" * 8),
    "many fields": npy(described("f8," * 2_500, "(1,)")),
    "nothing": b"",
}


@pytest.mark.parametrize("blob", FORGED.values(), ids=FORGED)
def test_a_forged_array_is_refused(blob: bytes) -> None:
    with pytest.raises(SandboxError) as refused:
        decode("npy", blob, 1)
    assert len(refused.value.message) < 500


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "u1", "?"])
def test_what_numpy_writes_is_read(dtype: str) -> None:
    answers = np.array([0, 1, 1], dtype=dtype)
    file = BytesIO()
    np.save(file, answers)
    assert np.array_equal(decode("npy", file.getvalue(), 3), answers)
