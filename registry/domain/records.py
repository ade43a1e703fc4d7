"""Defines the records that the registry returns: one frozen value per stored row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.domain.signature import Signature
from registry.domain.values import (
    RequestKind,
    RequestState,
    SignatureOrigin,
    Stage,
    Standing,
    VersionRef,
)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A registered version and where it comes from; None where nothing is known.

    Attributes:
        predecessor_uid: version that was registered last under the name before this one.
        origin_uid: version of another model that this one is a copy of.
        prerelease: `rc.1` of `1.3.0-rc.1`; None for a release.
        requested: what the author asked for, e.g. `bump=major prerelease=rc`.
        standing_reason, standing_actor, standing_ms: why, by whom and when it was deprecated or
            yanked last; None for one that never was, or that was restored.
        storage_place: the one spelling of where its files lie.
    """

    uid: str
    name: str
    version: int
    created_ms: int
    semver: str
    bump: str
    reason: str
    signature: Signature | None
    manifest_digest: str | None
    source: str
    storage_uri: str | None
    run_id: str | None
    model_id: str | None
    git_commit: str | None
    dataset_digest: str | None
    deleted_ms: int | None = None
    predecessor_uid: str | None = None
    origin_uid: str | None = None
    major: int = 0
    minor: int = 0
    patch: int = 0
    prerelease: str | None = None
    requested: str | None = None
    signature_origin: SignatureOrigin | None = None
    standing: Standing = Standing.ACTIVE
    standing_reason: str | None = None
    standing_actor: str | None = None
    standing_ms: int | None = None
    storage_place: str | None = None

    @property
    def ref(self) -> VersionRef:
        """The version's identity."""
        return VersionRef(self.uid, self.name, self.version, self.semver)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a version stands now; `stage` is None once it was deleted."""

    stage: Stage | None
    aliases: tuple[str, ...]
    description: str
    model_description: str
    tags: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Act:
    """Says who does something, when and for which request, as the audit trail keeps it."""

    actor: str
    at_ms: int
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks for: a move, a copy or a rename.

    Attributes:
        judged_as: the name whose rules and evidence apply.
        target: stage whose bar must be cleared.
        alias: governed alias to set on a grant, or "".
        archive_existing: archive the others of a stage (Production always does).
    """

    kind: RequestKind
    version: VersionRecord
    judged_as: str
    target: Stage
    actor: str
    alias: str = ""
    archive_existing: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request to move, copy or rename, and its outcome.

    Attributes:
        judged_as: name whose rules and evidence apply; differs from `name` for copy and rename.
        target: stage whose bar must be cleared.
        alias: governed alias asked for, or "".
        decision: what was decided: `{"reasons": [...], "warnings": [...], "waiting_for": ...,
            "approvals": [...]}`.
        used_ms: when a granted copy or rename was carried out.
        principal: who asked, as `Event.principal`.
        reminded_ms: when people were reminded that it expires.
    """

    id: int
    kind: RequestKind
    version_uid: str
    name: str
    version: int
    semver: str
    judged_as: str
    target: Stage
    alias: str
    from_stage: Stage
    archive_existing: bool
    manifest_digest: str
    state: RequestState
    actor: str
    created_ms: int
    decided_ms: int | None
    used_ms: int | None
    decision: Mapping[str, Any] = field(hash=False)
    scorecard_id: int | None = None
    principal: Mapping[str, Any] | None = field(default=None, hash=False)
    reminded_ms: int | None = None

    @property
    def ref(self) -> VersionRef:
        """The version that is asked about."""
        return VersionRef(self.version_uid, self.name, self.version, self.semver)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A stored verdict."""

    id: int
    request_id: int | None
    version_uid: str
    judged_as: str
    target: Stage
    manifest_digest: str
    constitution_digest: str
    evidence_digest: str
    enforcement: str
    score: float
    passed: bool
    approvals_needed: int
    document: Mapping[str, Any] = field(hash=False)
    report_run_id: str | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail.

    Attributes:
        principal: name, key, kind, groups and source of who did it; None where the platform did, or
            a process that nobody asked.
    """

    id: int
    uid: str
    type: str
    name: str
    version: int | None
    request_id: int | None
    actor: str
    at_ms: int
    data: Mapping[str, Any] = field(hash=False)
    principal: Mapping[str, Any] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint: the model it serves, its rollout plan and its stable version."""

    name: str
    namespace: str
    plan: Mapping[str, Any] = field(hash=False)
    stable_uid: str | None
    stable_since_ms: int | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Says how far a rollout has come.

    Attributes:
        phase: where it stands now.
        state: serving's own state, as JSON.
        measurement: what was measured, as JSON.
        event: (type, data) to record with it.
        traffic: percent of the endpoint's traffic per version uid, as read back from the gateway;
            None when the gateway did not answer.
    """

    phase: str
    state: Mapping[str, Any] = field(hash=False)
    measurement: Mapping[str, Any] | None = field(default=None, hash=False)
    event: tuple[str, Mapping[str, Any]] | None = field(default=None, hash=False)
    traffic: Mapping[str, int] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Rollout:
    """An attempt to make a candidate the stable version of an endpoint."""

    id: int
    endpoint: str
    request_id: int | None
    candidate_uid: str
    stable_uid: str | None
    candidate_from_stage: Stage
    plan: Mapping[str, Any] = field(hash=False)
    phase: str
    state: Mapping[str, Any] = field(hash=False)
    reasons: tuple[Mapping[str, str], ...] = field(hash=False)
    revision: int
    created_ms: int
    finished_ms: int | None

    @property
    def takes_back(self) -> bool:
        """Return whether the rollout takes its endpoint back, by a rollback or by an abort."""
        return bool(self.state.get("rollback_reason"))
