"""Tells how a version was rolled out, and what went wrong with the model or around it."""

from __future__ import annotations

from collections.abc import Sequence

from registry.dossier.domain.history import History, Rollout, Version
from registry.dossier.domain.json_values import NOT_RECORDED, recorded
from registry.dossier.domain.logged_event import LoggedEvent

INCIDENTS = {
    "rollout.rolling_back": "a rollout was to be rolled back",
    "rollout.rolled_back": "a rollout was rolled back",
    "rollout.rollback_requested": "a person asked for the version before",
    "rollout.abort_requested": "a person aborted a rollout",
    "rollout.paused": "a rollout waited for a person",
    "model_version.yanked": "a version was withdrawn",
    "model_version.deprecated": "a version was advised against",
    "artifact.damaged": "files were found changed",
    "artifact.quarantined": "files were damaged beyond repair",
    "artifact.repaired": "damaged files were restored",
    "artifact.released": "a quarantine ended",
    "git.tag_moved": "a git tag pointed to something else",
    "git.tag_deleted": "a git tag was gone",
    "version_finding.resolved": "a contradiction in the registry was repaired",
    "transition_request.refused": "a request was refused",
    "confinement.waived": "models ran without full confinement",
    "audit.log_replaced": "a new audit log was begun",
}
"""Types of events that an examiner looks at, in words."""


def endpoint_of(history: History) -> object:
    """Return the endpoint, and which version was to get how much of its traffic."""
    if history.endpoint is None:
        return "none"
    rollout = history.under_way()
    weight = rollout.weight_percent if rollout else 0
    candidate = history.by_uid(rollout.version_uid) if rollout else None
    serving = []
    if history.stable is not None:
        serving.append(_share(history.stable, 100 - weight))
    if candidate is not None and weight:
        serving.append(_share(candidate, weight))
    return {
        "namespace": history.endpoint.told("namespace"),
        "traffic": serving or "none",
        "rollout_under_way": rollout.id if rollout else "none",
        **history.endpoint.cited(),
    }


def _share(version: Version, percent: int) -> dict[str, object]:
    return {"version": version.semver, "number": version.number, "percent": percent}


def rollout_told(rollout: Rollout) -> dict[str, object]:
    """Return a rollout with each of its steps and what was measured there."""
    return {
        "rollout": rollout.id,
        "request": recorded(rollout.started.request_id),
        "started": rollout.started.cited(),
        "plan": rollout.started.told("plan"),
        "outcome": rollout.outcome or "under way",
        "steps": [
            {
                "what": event.type.partition(".")[2].replace("_", " "),
                **event.cited(),
                **event.who(),
                "weight_percent": event.data.get("weight_percent", "unchanged"),
                "measured": event.told("measured"),
                "reasons": event.data.get("reasons") or event.data.get("because") or [],
            }
            for event in rollout.events[1:]
        ],
    }


def incidents(history: History, events: Sequence[LoggedEvent]) -> list[dict[str, object]]:
    """Return what went wrong, oldest first, with all that its event says."""
    found = []
    for event in events:
        what = INCIDENTS.get(event.type)
        if event.type == "access.changed" and event.data.get("recovered_because"):
            what = "somebody went round the roles in force"
        if what is not None:
            found.append(
                {
                    "what": what,
                    **event.cited(),
                    **event.who(),
                    "version": _semver(history, event),
                    "said": dict(event.data),
                }
            )
    return found


def _semver(history: History, event: LoggedEvent) -> object:
    if event.version is None:
        return "of no version"
    registered = [
        version
        for version in history.versions
        if version.number == event.version and version.registered.sequence <= event.sequence
    ]
    return registered[-1].semver if registered else NOT_RECORDED
