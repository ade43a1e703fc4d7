"""Measures hashing and signing beside `hashlib`, and S3 transfers beside plain boto3."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Statistic, Target
from infra.servers import s3 as s3_server
from infra.settings import Settings
from infra.stores.object_store import Location, ObjectStore, client
from registry.artifacts.adapters.keys import SigningKeys
from registry.artifacts.domain.statement import StatementFacts, statement
from registry.files.adapters.artifact_files import build_manifest

MANIFEST_BYTES = 1 << 30
MANIFEST_FILES = 4
TRANSFER_BYTES = 256 << 20
ROUNDS = 7
THREADS = 10
HASHING_TARGET = Target(1 / 0.8, Statistic.P50)
"""At least 0.8 of the peer's speed, that is at most 1.25 of its time."""
TRANSFER_TARGET = Target(1.0, Statistic.P50)
_FACTS = StatementFacts("u", "fraud", 1, "1.0.0", 0, "runs:/r/model")

Work = Callable[[], object]


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Do the same with the platform and with its peer, in turns."""
    rounds = effort.count(ROUNDS)
    rows = _hashing(folder, effort.count(MANIFEST_BYTES), rounds)
    return [*rows, *_transfers(folder, effort.count(TRANSFER_BYTES), rounds)]


def _hashing(folder: Path, size: int, rounds: int) -> list[Row]:
    model = folder / "model"
    model.mkdir()
    files = [model / f"weights-{n}.bin" for n in range(MANIFEST_FILES)]
    for file in files:
        _fill(file, size // MANIFEST_FILES)
    whole = folder / "whole"
    whole.mkdir()
    _fill(whole / "weights.bin", size)
    keys = SigningKeys(Settings(storage_root=folder / "root"))
    keys.current()
    rows = []
    for what, place in (("4 files", model), ("1 file", whole)):
        paths = sorted(place.iterdir())

        def ours(place: Path = place) -> object:
            return keys.sign(statement(_FACTS, build_manifest(place)))

        def plain(paths: Sequence[Path] = paths) -> object:
            return [_plain_sha256(path) for path in paths]

        taken, peers = _turn_about(ours, plain, rounds)
        rows += _beside(
            f"manifest and signature of {_mib(size)}, {what}",
            "hashlib SHA-256",
            taken,
            peers,
            HASHING_TARGET,
        )
    for file in files:
        file.unlink()
    return rows


def _transfers(folder: Path, size: int, rounds: int) -> list[Row]:
    file, back = folder / "object.bin", folder / "back.bin"
    _fill(file, size)
    rows: list[Row] = []
    with s3_server.started() as server:
        # Both find the server and the credentials as every program does.
        os.environ.update(server.environment())
        settings = Settings(storage_root=folder / "root", s3_endpoint=server.endpoint)
        bucket = server.new_bucket()
        store = ObjectStore(Location(bucket, "ours"), client(settings))
        peer = _PlainBoto(server.endpoint, bucket)
        taken, peers = _turn_about(
            lambda: store.upload(file, "o"), lambda: peer.upload(file), rounds
        )
        rows += _beside(
            f"upload of {_mib(size)} to S3",
            f"boto3, {THREADS} threads",
            taken,
            peers,
            TRANSFER_TARGET,
        )
        taken, peers = _turn_about(
            lambda: store.download("o", back), lambda: peer.download(back), rounds
        )
        rows += _beside(
            f"download of {_mib(size)} from S3",
            f"boto3, {THREADS} threads",
            taken,
            peers,
            TRANSFER_TARGET,
        )
        require(_plain_sha256(back) == _plain_sha256(file), "the same bytes back", "others")
    return rows


class _PlainBoto:
    """What a user writes: boto3 as it comes, ten threads."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        import boto3
        from boto3.s3.transfer import TransferConfig

        self.s3: Any = boto3.client("s3", endpoint_url=endpoint)
        self.bucket = bucket
        self.config = TransferConfig(max_concurrency=THREADS)

    def upload(self, file: Path) -> None:
        self.s3.upload_file(str(file), self.bucket, "plain/o", Config=self.config)

    def download(self, file: Path) -> None:
        self.s3.download_file(self.bucket, "plain/o", str(file), Config=self.config)


def _beside(
    what: str, peer: str, ours: Sequence[float], peers: Sequence[float], target: Target
) -> list[Row]:
    ratios = tuple(one / other for one, other in zip(ours, peers, strict=True))
    return [
        Row(what, "s", tuple(ours)),
        Row(f"{what}: {peer}", "s", tuple(peers)),
        Row(f"{what}: time beside {peer}", "x", ratios, target),
    ]


def _turn_about(ours: Work, peer: Work, rounds: int) -> tuple[list[float], list[float]]:
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(1 + rounds):
        # The second one finds the machine as the first left it, so they alternate.
        order = ((ours, taken[0]), (peer, taken[1]))
        for work, seconds in order if number % 2 else reversed(order):
            began = time.monotonic()
            work()
            seconds.append(time.monotonic() - began)
    return taken[0][1:], taken[1][1:]


def _plain_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        left = size
        while left:
            piece = os.urandom(min(left, 16 << 20))
            file.write(piece)
            left -= len(piece)


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"


BENCHMARK = Benchmark(
    "artifacts", "hashing, signing and moving artifacts, beside the bare libraries", run
)
