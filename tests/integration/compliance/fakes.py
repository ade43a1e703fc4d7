"""A registry of one version in memory, and a report sink that can be away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from infra.errors import UnavailableError
from registry.domain.records import Position, Request, VersionRecord
from registry.domain.signature import Field, Signature
from registry.domain.values import RequestKind, RequestState, Stage, Verdict
from registry.errors import UnknownRequestError
from tests.integration.compliance.kit import COLUMNS, DESCRIPTION

SIGNATURE = Signature(
    tuple(Field(name, '{"type": "double"}') for name in COLUMNS), (Field("0", "long"),)
)
VERSION = VersionRecord(
    uid="u1", name="credit", version=1, created_ms=0, semver="1.0.0", bump="", reason="",
    signature=SIGNATURE, manifest_digest="sha256:abc", source="s", storage_uri="s", run_id="r1",
    model_id=None, git_commit="c1", dataset_digest="d1",
)  # fmt: skip
REQUEST = Request(
    id=1, kind=RequestKind.TRANSITION, version_uid="u1", name="credit", version=1, semver="1.0.0",
    judged_as="credit", target=Stage.PRODUCTION, alias="", from_stage=Stage.NONE,
    archive_existing=False, manifest_digest="sha256:abc", state=RequestState.OPEN, actor="ann",
    created_ms=0, decided_ms=None, used_ms=None, decision={},
)  # fmt: skip


@dataclass
class FakeRegistry:
    folder: Path
    known: VersionRecord = VERSION
    description: str = DESCRIPTION
    away: bool = False
    files_error: Exception | None = None
    attach_again: bool = False
    requests: dict[int, Request] = field(default_factory=lambda: {1: REQUEST})
    verdicts: list[Verdict] = field(default_factory=list)
    reports: dict[int, str] = field(default_factory=dict)

    @property
    def versions(self) -> Self:
        return self

    @property
    def stages(self) -> Self:
        return self

    @property
    def files(self) -> Self:
        return self

    @property
    def gate(self) -> Self:
        return self

    def version(self, uid: str) -> VersionRecord:
        return self.known

    def position(self, uid: str) -> Position:
        return Position(Stage.NONE, (), "", self.description, {})

    def model_files(self, uid: str) -> Path:
        if self.files_error is not None:
            raise self.files_error
        return self.folder

    def release_files(self, folder: Path) -> None: ...

    def get_request(self, request_id: int) -> Request:
        if self.away:
            raise UnavailableError("the database did not answer")
        if request_id not in self.requests:
            raise UnknownRequestError(f"expected a request {request_id}, found none")
        return self.requests[request_id]

    def open_requests(self) -> Sequence[Request]:
        return [r for r in self.requests.values() if r.state is RequestState.OPEN]

    def attach_verdict(self, request_id: int, verdict: Verdict, at: datetime) -> None:
        request = self.requests[request_id]
        if request.scorecard_id is None or self.attach_again:
            self.verdicts.append(verdict)
            self.requests[request_id] = replace(request, scorecard_id=len(self.verdicts))

    def note_report(self, request_id: int, run_id: str) -> None:
        self.reports[request_id] = run_id

    def settle(self, request_id: int, at: datetime) -> Request:
        request = self.requests[request_id]
        if request.state is RequestState.OPEN and request.scorecard_id is not None:
            passed = self.verdicts[request.scorecard_id - 1].passed
            state = RequestState.GRANTED if passed else RequestState.REFUSED
            self.requests[request_id] = replace(request, state=state)
        return self.requests[request_id]


@dataclass
class FakeReports:
    away: bool = False
    uploads: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    created: int = 0

    def create(self, name: str, semver: str) -> str:
        if self.away:
            raise UnavailableError("MLflow refused the governance run")
        self.created += 1
        return f"run{self.created}"

    def upload(self, run_id: str, document: Mapping[str, Any]) -> None:
        if self.away:
            raise UnavailableError("MLflow refused the report")
        self.uploads[run_id] = document
