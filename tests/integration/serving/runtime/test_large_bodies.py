"""Large bodies to a model server: attacks are refused at once, honest batches are answered."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from serving.runtime.asgi import MAX_BODY_BYTES
from serving.runtime.body import MAX_MARKS, TURN_BYTES
from tests.integration.serving import models
from tests.support.raw_http import resident_bytes
from tests.support.runtime import Runtime, running

MIB = 1 << 20
CPU_SECONDS = 6.0
PATHS = ("/api/v1.0/predictions", "/v2/models/credit/infer", "/api/v1.0/feedback")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("large")
    models.save_by_name(folder / "model")
    with running(folder / "model", folder / "run") as runtime:
        yield runtime


def filled(piece: bytes, size: int = MAX_BODY_BYTES) -> bytes:
    first, last = b'{"data":{"ndarray":[', b"0]}}"
    return first + piece * ((size - len(first) - len(last)) // len(piece)) + last


ATTACKS: dict[str, tuple[bytes, dict[str, str]]] = {
    "lists": (filled(b"[],"), {}),
    "objects": (filled(b"{},"), {}),
    "objects with a key": (filled(b'{"":0},'), {}),
    "rows of two": (filled(b"[0,0],"), {}),
    "texts": (filled(b'"",'), {}),
    "keys": (b"{" + b'"a":0,' * (MAX_MARKS + 1) + b'"b":0}', {}),
    "as many lists as are parsed": (filled(b"[],", 3 * (MAX_MARKS // 2)), {}),
    "as many objects as are parsed": (filled(b'{"":0},', 7 * (MAX_MARKS // 2)), {}),
    "rows that differ": (filled(b"[0],", 4 * (MAX_MARKS // 2)), {}),
    "a form of escapes": (
        b"json=" + b"%5B" * (10 * MIB),
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    "too many bytes": (b" " * (MAX_BODY_BYTES + 1), {}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_body_of_small_values_stops_nobody(numbers: Runtime, name: str) -> None:
    body, headers = ATTACKS[name]
    before, used = resident_bytes(numbers.process.pid), _cpu_seconds(numbers)
    alongside: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        attacks = [pool.submit(_ask, numbers.port, path, body, headers) for path in PATHS]
        while not all(attack.done() for attack in attacks):
            alongside.append(numbers.predict({"ndarray": [[15.0, 700.0]]}).status_code)
        found = [attack.result() for attack in attacks]
    assert {status for status, _ in found} <= {400, 413}
    # Processor time, since the clock on the wall measures how busy the machine is as well.
    assert _cpu_seconds(numbers) - used < CPU_SECONDS
    assert set(alongside) <= {200}
    assert resident_bytes(numbers.process.pid) < before + 700 * MIB


def _cpu_seconds(runtime: Runtime) -> float:
    times = psutil.Process(runtime.process.pid).cpu_times()
    return float(times.user + times.system)


def _ask(port: int, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float]:
    began = time.monotonic()
    answer = httpx.post(
        f"http://127.0.0.1:{port}{path}",
        content=body,
        headers={"content-type": "application/json", **headers},
        timeout=60,
        trust_env=False,
    )
    return answer.status_code, time.monotonic() - began


def _batch(rows: int) -> list[list[float]]:
    found: list[list[float]] = np.random.default_rng(0).normal(15, 3, (rows, 2)).tolist()
    return found


HONEST: dict[str, Any] = {
    "a million numbers": {"data": {"ndarray": _batch(500_000)}},
    "a million numbers as a tensor": {
        "data": {"tensor": {"shape": [500_000, 2], "values": np.ravel(_batch(500_000)).tolist()}}
    },
    "a million numbers as records": {
        "jsonData": [{"mean radius": a, "mean area": b} for a, b in _batch(500_000)]
    },
}


@pytest.mark.parametrize("name", HONEST)
def test_a_batch_of_a_million_numbers_is_answered(numbers: Runtime, name: str) -> None:
    answer = numbers.http.post("/api/v1.0/predictions", json=HONEST[name], timeout=120)
    assert answer.status_code == 200, answer.text[:500]


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("awkward")
    models.save_awkward(folder / "model")
    with running(folder / "model", folder / "run", ["--threads", "4"]) as runtime:
        yield runtime


def test_large_bodies_take_turns_and_small_ones_go_on_beside_them(awkward: Runtime) -> None:
    takes_a_second = b'{"data":{"ndarray":[[11]]}}'
    large = takes_a_second + b" " * TURN_BYTES
    with ThreadPoolExecutor(4) as pool:
        bodies = (large, large, takes_a_second, takes_a_second)
        asked = [pool.submit(_ask, awkward.port, PATHS[0], body, {}) for body in bodies]
        (_, one), (_, other), *small = [answer.result() for answer in asked]
    assert abs(one - other) > 0.9
    assert max(seconds for _, seconds in small) < max(one, other) - 0.5
