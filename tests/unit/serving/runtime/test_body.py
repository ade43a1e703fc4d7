"""A large body is parsed beside other threads, without the garbage collector."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

from serving.runtime.body import parse_json

NUMBERS = 1_000_000
LARGE = b'{"data":{"ndarray":[' + b"[0],[1.5]," * (NUMBERS // 2) + b"[0]]}}"


def test_parsing_a_large_body_starts_no_full_collection() -> None:
    before = gc.get_stats()[2]["collections"]
    found: Any = parse_json(LARGE, large=True)
    assert gc.get_stats()[2]["collections"] == before
    assert gc.isenabled()
    assert len(found["data"]["ndarray"]) == NUMBERS + 1


def test_other_threads_run_while_a_large_body_is_parsed() -> None:
    done, moments = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            moments.append(time.perf_counter())
            time.sleep(0.001)

    other = threading.Thread(target=look)
    other.start()
    began = time.perf_counter()
    parse_json(LARGE, large=True)
    ended = time.perf_counter()
    done.set()
    other.join()
    assert len([moment for moment in moments if began < moment < ended]) >= 5
