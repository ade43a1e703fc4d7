"""Files of some megabytes that make many small things are refused while they are read."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest

from registry.model_files.rebuilding import judge_file

BYTES = 6_000_000
SECONDS = 2.5
"""Of processor time, twice what the slowest takes; a machine that is busy adds as much again."""
_CLASS = b"csklearn.linear_model._logistic\nLogisticRegression\nq\x00"
_ARRAY = (
    b"cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02C\x01bq\x03"
)
MANY = {
    "sets": (b"](", b"\x8f", "instructions"),
    "frozen sets": (b"](", b"(\x91", "instructions"),
    "entries": (b"}", b"K\x01Ns", "instructions"),
    "objects": (_CLASS + b"](", b"h\x00)\x81", "more calls"),
    "objects with a state": (_CLASS + b"](", b"h\x00)\x81}\x8c\x01CK\x01sb", "more calls"),
    "arrays": (_ARRAY + b"](", b"h\x00h\x01h\x02h\x03\x87R", "more calls"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_a_file_of_many_small_things_is_refused_soon(name: str, tmp_path: Path) -> None:
    first, piece, reason = MANY[name]
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04" + first + piece * (BYTES // len(piece)) + b"e.")
    began = time.process_time()
    judged = judge_file(path)
    assert time.process_time() - began < SECONDS
    assert judged.root is None
    assert reason in judged.problems[0]
    assert gc.isenabled()
