"""The command line of a model server: its model, its identity and where it listens."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Identity:
    """The server's identity, repeated in every response, header and metric."""

    model_name: str
    model_version: str
    predictor: str
    deployment: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, parsed.

    Attributes:
        port: 0 lets the system choose; the ready file tells which it chose.
        threads: predictions that may run at the same time, 1..16. More than one only for
            models that are safe to share between threads.
        stuck_after_seconds: a prediction older than this makes the server unready, so that
            traffic goes elsewhere.
        ready_file: written once the model answers; a stale one is removed first.
        socket_fd: an open socket to answer on, in place of host and port; bound by the parent
        process, so that this one needs no right to open one.
        ready_fd: an open file to say `ready` on, in place of the ready file.
    """

    model_path: Path
    host: str
    port: int
    identity: Identity
    ready_file: Path | None
    threads: int
    stuck_after_seconds: int
    socket_fd: int | None = None
    ready_fd: int | None = None


def parse(argv: Sequence[str] | None = None) -> Options:
    """Read the command line; wrong usage ends the process with code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.runtime",
        description="Serve one MLflow model over Seldon's REST protocol and the V2 protocol.",
    )
    parser.add_argument("--model-path", type=Path, required=True, help="MLflow model folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_bounded(0, 65535), default=0, help="0: any free port")
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--model-version", required=True)
    parser.add_argument("--predictor", default="default")
    parser.add_argument("--deployment-name", help="default: the model's name")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--ready-file", type=Path, help="JSON {pid, port, ready_at}, when ready")
    parser.add_argument("--socket-fd", type=int, help="open socket, in place of host and port")
    parser.add_argument("--ready-fd", type=int, help="open file, in place of the ready file")
    parser.add_argument("--threads", type=_bounded(1, 16), default=1)
    parser.add_argument(
        "--stuck-after-seconds", type=_bounded(1, 3600), default=30, metavar="SECONDS"
    )
    found = parser.parse_args(argv)
    if not (found.model_path / "MLmodel").is_file():
        parser.error(f"--model-path: expected a folder with an MLmodel file: {found.model_path}")
    return Options(
        model_path=found.model_path,
        host=found.host,
        port=found.port,
        identity=Identity(
            model_name=found.model_name,
            model_version=found.model_version,
            predictor=found.predictor,
            deployment=found.deployment_name or found.model_name,
            namespace=found.namespace,
        ),
        ready_file=found.ready_file,
        threads=found.threads,
        stuck_after_seconds=found.stuck_after_seconds,
        socket_fd=found.socket_fd,
        ready_fd=found.ready_fd,
    )


class _bounded:  # noqa: N801 - argparse shows the name in its message
    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, text: str) -> int:
        value = int(text)
        if not self.low <= value <= self.high:
            raise argparse.ArgumentTypeError(f"expected {self.low}..{self.high}, found {value}")
        return value
