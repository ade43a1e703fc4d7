"""The scorer's sandbox: scans folders and runs models; only numbers and texts come back.

The parent never loads a model and never unpickles what a job sent: answers are JSON and plain
arrays (`allow_pickle=False`), read after the job has ended. A job has no secrets in its
environment, reaches no file but the model's and no network, and never sees a label or a sensitive
attribute that is no feature.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from compliance.domain.facts import Scan
from compliance.errors import SandboxError
from compliance.sandbox.answers import FIX, Answers, decode, interpret, parts
from compliance.sandbox.limits import JobLimits, job_plan
from compliance.sandbox.warm import WarmProcess
from infra.confinement.plan import Means
from infra.confinement.policy import agreed
from infra.confinement.scratch import scratch_folder
from infra.errors import UnavailableError

if TYPE_CHECKING:
    import pandas as pd

HEADER_BYTES = 4_000_000
"""Most that a job may say besides the answers themselves."""
ROW_BYTES = 4096
"""Most that the answer for one row may take."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """A model's answers, one array or list of texts per frame it was given."""

    answers: tuple[Answers, ...]
    load_ms: float
    predict_ms: float


class Sandbox:
    """Runs jobs, at most `lanes` at the same time. Thread-safe."""

    def __init__(
        self,
        limits: JobLimits | None = None,
        *,
        means: frozenset[Means] | None = None,
        lanes: int | None = None,
        rebuilds: bool = True,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            limits: of each job.
            means: the layers that confine a job; default is what the machine offers.
            lanes: jobs at the same time; default is the number of processors.
            rebuilds: load a rewritten copy of a model's files. False loads the files themselves,
            to test what confinement alone prevents.

        Raises:
            ConfinementError: the machine offers less than the minimum.
        """
        self.limits = limits or JobLimits()
        self.means = agreed() if means is None else means
        self._predict_kind = "predict" if rebuilds else "predict as is"
        self.lanes = lanes or os.cpu_count() or 1
        self._free = threading.BoundedSemaphore(self.lanes)
        self._lock = threading.Lock()
        self._warm: WarmProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def confinement(self) -> tuple[str, ...]:
        """Return the names of the layers that confine every job, in the order they are applied."""
        return tuple(layer.value for layer in Means if layer in self.means)

    def start(self) -> None:
        """Warm up now instead of at the first job; takes some seconds. Idempotent.

        Raises:
            UnavailableError: the sandbox does not start.
        """
        self._ensure()

    def close(self) -> None:
        """End the warm process and whatever it forked."""
        with self._lock:
            if self._warm is not None:
                self._warm.close()
                self._warm = None

    def scan(self, folder: Path) -> Scan:
        """Check a model's folder against the allow-list; failing to check is a violation."""
        try:
            header, _blobs = self._run("scan", folder, b"")
            found = header["scan"]
            return Scan(tuple(str(v) for v in found["violations"]), int(found["files"]))
        except (SandboxError, KeyError, TypeError, ValueError) as err:
            text = err.message if isinstance(err, SandboxError) else str(err)
            return Scan((f"the files could not be checked: {text}",), 0)

    def predict(
        self, folder: Path, frames: Sequence[pd.DataFrame], odd: Sequence[pd.DataFrame] = ()
    ) -> Predictions:
        """Load a model that passed the scan and get its predictions for every frame.

        Args:
            folder: with the model's files.
            frames: whose rows it must answer.
            odd: asked afterwards; it may answer anything or an error, and must not crash or hang.

        Raises:
            SandboxError: the model crashed, hung, used too much, or did not give one finite answer
                per row. Says which.
            UnavailableError: the sandbox itself failed.
        """
        request = pickle.dumps((list(frames), list(odd)), protocol=5)
        rows = sum(len(frame) for frame in frames)
        header, blobs = self._run(self._predict_kind, folder, request, rows * ROW_BYTES)
        found, load_ms, predict_ms = parts(header, blobs, len(frames))
        answers = tuple(
            decode(kind, blob, len(frame))
            for (kind, blob), frame in zip(found, frames, strict=True)
        )
        return Predictions(answers, load_ms, predict_ms)

    def _run(
        self, kind: str, folder: Path, request: bytes, expected_bytes: int = 0
    ) -> tuple[dict[str, Any], bytes]:
        folder = folder.absolute()
        if not folder.is_dir():
            raise SandboxError(
                "expected a folder with the model's files, found none",
                hint="register the model again",
            )
        with self._free, scratch_folder(self.means) as scratch:
            plan = job_plan(self.means, self.limits, folder, scratch)
            job = {"kind": kind, "folder": str(folder), "plan": plan.to_json()}
            with _memory_file(request) as request_fd, _memory_file(b"") as result_fd:
                try:
                    ended = self._ensure().run(
                        job, [request_fd, result_fd], self.limits.deadline_seconds
                    )
                except UnavailableError:
                    self.close()
                    raise
                data = _read(result_fd, HEADER_BYTES + expected_bytes)
        return interpret(ended, data, self.limits.deadline_seconds)

    def _ensure(self) -> WarmProcess:
        with self._lock:
            if self._warm is not None and not self._warm.alive():
                self._warm.close()
                self._warm = None
            if self._warm is None:
                self._warm = WarmProcess(self.means)
            return self._warm


def _read(result_fd: int, most_bytes: int) -> bytes:
    size = os.fstat(result_fd).st_size
    if size > most_bytes:
        raise SandboxError(f"the model answered with more than {most_bytes} bytes", hint=FIX)
    return os.pread(result_fd, size, 0)


@contextlib.contextmanager
def _memory_file(content: bytes) -> Iterator[int]:
    fd = os.memfd_create("acgs")
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)
