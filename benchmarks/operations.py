"""Everyday registry calls on a governed model, beside a plain MLflow server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.peers import plain_registry
from benchmarks.report import Row, compared
from tests.support import credit
from tests.support.platform import started

NAME = "credit-operations"
VERSIONS = 200
CALLS = 50
WARM_UPS = 3

Call = Callable[[Any, int], object]


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Ask both servers the same, turn about."""
    versions = effort.count(VERSIONS)
    with started(folder / "root") as platform, plain_registry(folder / "peer") as peer:
        for site in (platform, peer):
            for _ in range(versions):
                credit.register(site, NAME)
        clients = [platform.client(), peer.client()]
        rows: list[Row] = []
        for what, call in CALLED.items():
            ours, peers = _turn_about(clients, call, effort.count(CALLS), versions)
            rows += compared(f"{what}, {versions} versions", "ms", ours, peers)
        return rows


def _turn_about(
    clients: Sequence[Any], call: Call, calls: int, versions: int
) -> tuple[list[float], list[float]]:
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(WARM_UPS + calls):
        for client, milliseconds in zip(clients, taken, strict=True):
            began = time.monotonic()
            call(client, 1 + number % versions)
            milliseconds.append((time.monotonic() - began) * 1000)
    ours, peers = taken
    return ours[WARM_UPS:], peers[WARM_UPS:]


def _search(client: Any, _: int) -> None:
    found = client.search_model_versions(f"name='{NAME}'", max_results=VERSIONS)
    require(len(found) > 0, "versions", len(found))


CALLED: dict[str, Call] = {
    "set a version's tag": lambda client, n: client.set_model_version_tag(
        NAME, str(n), "note", str(time.monotonic())
    ),
    "set an alias that is not governed": lambda client, n: client.set_registered_model_alias(
        NAME, "candidate", str(n)
    ),
    "get a version": lambda client, n: client.get_model_version(NAME, str(n)),
    "search all versions": _search,
}

BENCHMARK = Benchmark("registry", "everyday registry calls, beside a plain MLflow server", run)
