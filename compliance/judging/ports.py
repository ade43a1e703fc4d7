"""The ports of judging: what it needs from the registry, the sandbox and the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from compliance.domain.facts import Scan
from registry.domain.records import Position, Request, VersionRecord
from registry.domain.values import Verdict

if TYPE_CHECKING:
    import pandas as pd

    from compliance.sandbox import Predictions


class Versions(Protocol):
    """Finds versions by their identity."""

    def version(self, uid: str) -> VersionRecord:
        """Return a version by its identity."""
        ...


class Stages(Protocol):
    """Finds where versions stand."""

    def position(self, uid: str) -> Position:
        """Return stage, aliases, descriptions and tags of a version."""
        ...


class Files(Protocol):
    """Proven files of versions."""

    def model_files(self, uid: str) -> Path:
        """Return a local folder with the version's files, proven to be those registered."""
        ...

    def release_files(self, folder: Path) -> None:
        """Release the folder that `model_files` returned."""
        ...


class Gate(Protocol):
    """Finds requests and records their verdicts."""

    def get_request(self, request_id: int) -> Request:
        """Return one request."""
        ...

    def open_requests(self) -> Sequence[Request]:
        """Return the requests that wait for something."""
        ...

    def attach_verdict(self, request_id: int, verdict: Verdict, at: datetime) -> None:
        """Attach a verdict to a request; idempotent."""
        ...

    def note_report(self, request_id: int, run_id: str) -> None:
        """Record a report that was made after its verdict; an earlier one stays."""
        ...

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide an open request and carry the decision out; idempotent."""
        ...


class Registry(Protocol):
    """The parts of the registry that judging needs."""

    @property
    def versions(self) -> Versions:
        """Finds versions by their identity."""
        ...

    @property
    def stages(self) -> Stages:
        """Finds where versions stand."""
        ...

    @property
    def files(self) -> Files:
        """Proven files of versions."""
        ...

    @property
    def gate(self) -> Gate:
        """Requests and their verdicts."""
        ...


class Prober(Protocol):
    """Scans model files and runs models, at no risk to this process."""

    @property
    def confinement(self) -> tuple[str, ...]:
        """Return the names of the layers that confine a model."""
        ...

    def scan(self, folder: Path) -> Scan:
        """Check a model's folder against the allow-list."""
        ...

    def predict(
        self, folder: Path, frames: Sequence[pd.DataFrame], odd: Sequence[pd.DataFrame] = ()
    ) -> Predictions:
        """Load a model that passed the scan and get its predictions for every frame.

        It must survive the odd ones too, whatever it answers to them.
        """
        ...


class VerdictCache(Protocol):
    """Stores scorecards by everything that went into them."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the scorecard stored under a key."""
        ...

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Store a scorecard; the first one under a key stays."""
        ...
