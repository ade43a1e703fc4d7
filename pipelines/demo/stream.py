"""Sends live traffic from a separate process, so that the demo's own work slows no request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

from infra.errors import UnavailableError
from pipelines.tally import Tally

_END_SECONDS = 20.0


class Stream:
    """One running traffic client; a context manager."""

    def __init__(self, url: str, rate: float) -> None:
        # stderr is inherited: an error of the client must not get lost.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.traffic", url, "--rate", str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        self._latest = Tally()
        self._reader = threading.Thread(target=self._read, name="traffic", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._latest = Tally.read(json.loads(line))

    def reading(self) -> Tally:
        """Return the totals as last reported, at most a quarter of a second old.

        Raises:
            UnavailableError: the client has ended.
        """
        if self._process.poll() is not None and self._process.stdin is not None:
            raise UnavailableError(
                f"expected the traffic client to run, found that it ended with "
                f"{self._process.returncode}",
                hint="its error is above",
            )
        return self._latest

    def wait_for(self, requests: int, *, limit_seconds: float) -> Tally:
        """Wait until that many requests more were answered, or the limit passed."""
        before = self.reading().requests
        limit = time.monotonic() + limit_seconds
        while self.reading().requests < before + requests and time.monotonic() < limit:
            time.sleep(0.05)
        return self.reading()

    def end(self) -> Tally:
        """Let the requests under way finish; return the final totals."""
        if self._process.stdin is not None:
            self._process.stdin.close()
            self._process.stdin = None
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._reader.join(_END_SECONDS)
            if self._process.stdout is not None:
                self._process.stdout.close()
        return self._latest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.end()
