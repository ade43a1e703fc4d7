"""What compliance needs of the others, so that they can be told apart and replaced."""

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
    """Versions by their identity."""

    def version(self, uid: str) -> VersionRecord:
        """Return a version by its identity."""
        ...


class Stages(Protocol):
    """Where versions stand."""

    def position(self, uid: str) -> Position:
        """Return stage, aliases, descriptions and tags of a version."""
        ...


class Files(Protocol):
    """Proven files of versions."""

    def model_files(self, uid: str) -> Path:
        """Return a local folder with the version's files, proven to be those registered."""
        ...

    def release_files(self, folder: Path) -> None:
        """Give back what `model_files` returned."""
        ...


class Gate(Protocol):
    """Requests, and where their verdicts go."""

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
        """Show a report that came to be after its verdict; a known one stays."""
        ...

    def settle(self, request_id: int, at: datetime) -> Request:
        """Decide an open request and carry the decision out; idempotent."""
        ...


class Registry(Protocol):
    """The parts of the registry that judging needs."""

    @property
    def versions(self) -> Versions:
        """Versions by their identity."""
        ...

    @property
    def stages(self) -> Stages:
        """Where versions stand."""
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
    """Looks into model files and asks models, at no risk to this process."""

    @property
    def confinement(self) -> tuple[str, ...]:
        """Names of the layers that keep a model from everything else."""
        ...

    def scan(self, folder: Path) -> Scan:
        """Check a model's folder against the allow-list."""
        ...

    def predict(self, folder: Path, frames: Sequence[pd.DataFrame]) -> Predictions:
        """Load a model that passed the scan and ask it about every frame."""
        ...


class VerdictCache(Protocol):
    """Remembers scorecards by everything that went into them."""

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the scorecard kept under a key."""
        ...

    def put(self, key: str, document: Mapping[str, Any]) -> None:
        """Keep a scorecard; the first one under a key stays."""
        ...
