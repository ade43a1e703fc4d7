"""Runs programs to be measured: to their end, or while a block runs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.benchmark import NoDataError

_END_SECONDS = 20.0
_START_SECONDS = 120.0
_TAIL_CHARACTERS = 2_000
_OWN = ("ACGS_", "MLFLOW_", "_MLFLOW_", "MLOPS_", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended.

    Attributes:
        seconds: from its start to its end.
        tail: the end of its stdout and stderr.
    """

    code: int
    seconds: float
    tail: str


def plain_environment() -> dict[str, str]:
    """Return this process's environment without variables of the platform or MLflow."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_OWN)}


def finish(
    command: Sequence[str | Path],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    limit_seconds: float,
) -> Finished:
    """Run a program to its end.

    Raises:
        NoDataError: it took longer than the limit, and was ended.
    """
    began = time.monotonic()
    with _started(command, folder, environment, log) as process:
        try:
            code = process.wait(limit_seconds)
        except subprocess.TimeoutExpired as err:
            raise NoDataError(
                f"{command[0]}: expected an end within {limit_seconds:g} s, found none\n"
                f"{_tail(log)}"
            ) from err
    return Finished(code, time.monotonic() - began, _tail(log))


@contextlib.contextmanager
def serving(
    command: Sequence[str | Path],
    ready_url: str,
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
) -> Iterator[None]:
    """Keep a server up while the block runs; begins once `ready_url` answers 200.

    Raises:
        NoDataError: it ended, or did not answer in time.
    """
    with _started(command, folder, environment, log) as process:
        limit = time.monotonic() + _START_SECONDS
        while not _answers(ready_url):
            if process.poll() is not None or time.monotonic() > limit:
                raise NoDataError(f"{ready_url} did not answer:\n{_tail(log)}")
            time.sleep(0.1)
        yield


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def _started(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as sink:
        # A session of its own: MLflow's servers start others, which must end with them.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-_TAIL_CHARACTERS:]
