"""Builds JSON from records, in one shape for the CLI and for HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra import clock
from registry.domain.records import Event, Request, Rollout, Scorecard, VersionRecord

if TYPE_CHECKING:
    from registry.bootstrap import Registry


def version_view(registry: Registry, record: VersionRecord) -> dict[str, Any]:
    """Return a version with its position and its newest verdict."""
    position = registry.stages.position(record.uid)
    verdict = registry.gate.verdict_on(record.uid)
    kept_from_use = registry.custody.quarantine_of(record.uid)
    return {
        "name": record.name,
        "semver": record.semver,
        "version": record.version,
        "stage": position.stage.value if position.stage else None,
        "aliases": list(position.aliases),
        "bump": record.bump,
        "reason": record.reason,
        "requested": record.requested,
        "standing": record.standing.value,
        "standing_reason": record.standing_reason,
        "standing_actor": record.standing_actor,
        "standing_at": clock.moment(record.standing_ms),
        "unusable": kept_from_use.kind.word if kept_from_use else None,
        "unusable_reason": kept_from_use.detail if kept_from_use else None,
        "unusable_actor": kept_from_use.actor if kept_from_use else None,
        "unusable_at": clock.moment(kept_from_use.since_ms) if kept_from_use else None,
        "manifest_digest": record.manifest_digest,
        "source": record.source,
        "run_id": record.run_id,
        "git_commit": record.git_commit,
        "dataset_digest": record.dataset_digest,
        "created_at": clock.moment(record.created_ms),
        "verdict": verdict_view(verdict) if verdict else None,
    }


def verdict_view(card: Scorecard) -> dict[str, Any]:
    """Return what a verdict says, without its whole document."""
    return {
        "target": card.target.value,
        "score": card.score,
        "passed": card.passed,
        "enforcement": card.enforcement,
        "approvals_needed": card.approvals_needed,
        "constitution_digest": card.constitution_digest,
        "evidence_digest": card.evidence_digest,
        "reasons": card.document.get("reasons", []),
        "report_run_id": card.report_run_id,
        "created_at": clock.moment(card.created_ms),
    }


def request_view(request: Request) -> dict[str, Any]:
    """Return a request and its outcome."""
    return {
        "id": request.id,
        "kind": request.kind.value,
        "name": request.name,
        "semver": request.semver,
        "version": request.version,
        "judged_as": request.judged_as,
        "target": request.target.value,
        "alias": request.alias,
        "from_stage": request.from_stage.value,
        "state": request.state.value,
        "actor": request.actor,
        "created_at": clock.moment(request.created_ms),
        "decided_at": clock.moment(request.decided_ms),
        "decision": dict(request.decision),
    }


def event_view(event: Event) -> dict[str, Any]:
    """Return one line of the audit trail."""
    return {**asdict(event), "at": clock.moment(event.at_ms)}


def rollout_view(rollout: Rollout) -> dict[str, Any]:
    """Return a rollout with readable times."""
    return {
        **asdict(rollout),
        "candidate_from_stage": rollout.candidate_from_stage.value,
        "created_at": clock.moment(rollout.created_ms),
        "finished_at": clock.moment(rollout.finished_ms),
    }
