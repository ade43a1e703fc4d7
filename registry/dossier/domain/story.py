"""Tells a version's story from proven events: what ran, why it was allowed to, what became of it.

Pure: the verifier of a dossier tells the story again and compares. So a change of what is told
here is another format (`dossier.FORMAT`), beside the one that readers of old dossiers need.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.clock import moment
from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.dossier.domain import regulations, trust
from registry.dossier.domain.controls import controls_of
from registry.dossier.domain.decisions import Adopted, decision_of, last_verdict
from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import History, Version
from registry.dossier.domain.json_values import NOT_RECORDED, recorded
from registry.dossier.domain.logged_event import LoggedEvent
from registry.dossier.domain.operation import endpoint_of, incidents, rollout_told
from registry.dossier.domain.selection import Span
from registry.dossier.domain.statements import Stated

_ADOPTED = {
    "constitution.changed": "constitution",
    "evidence.changed": "evidence",
    "access.changed": "roles",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a story is told from, all of it proven.

    Attributes:
        name, asked: the model, and how its version is named.
        at_ms: the moment that is told.
        spans: names that the model bore.
        events: in the order of the log.
        documents: that the events name by digest.
        statements: signed ones about versions, by the versions' uid.
        checkpoint: of the log that has the events.
        cosigners: names of the keys that cosigned it, unchecked.
    """

    name: str
    asked: str
    at_ms: int
    spans: Sequence[Span]
    events: Sequence[LoggedEvent]
    documents: Documents
    statements: dict[str, Stated]
    checkpoint: Checkpoint
    cosigners: Sequence[str]


def tell(evidence: Evidence) -> dict[str, object]:
    """Return the story as JSON values, its sections in the order in which regulations ask.

    Raises:
        NothingThenError: there was no such version at that moment.
    """
    history = History.of(evidence.spans, evidence.events)
    version = history.find(evidence.name, evidence.asked)
    requests = [one for one in history.requests.values() if one.version_uid == version.uid]
    adopted = Adopted(
        [event for event in evidence.events if event.type == "constitution.changed"],
        [event for event in evidence.events if event.type == "access.changed"],
    )
    verdict, judged_for = last_verdict(requests)
    contents: list[tuple[str, str, object]] = [
        ("model", "What ran", _model(evidence, history, version)),
        ("development", "Where it comes from: code and data", _development(history, version)),
        ("files", "Its files, by digest", _files(evidence, version)),
        (
            "controls",
            "Every control, its evidence and its result",
            controls_of(verdict, judged_for, evidence.documents),
        ),
        (
            "decisions",
            "Who decided on which digests",
            [decision_of(one, version, adopted, evidence.documents) for one in requests],
        ),
        ("monitoring", "How it was rolled out, and what was measured", _rollouts(history, version)),
        ("incidents", "Incidents and rollbacks of the model", incidents(history, evidence.events)),
        ("changes", "The model's versions", [_change(history, one) for one in history.versions]),
        ("governance", "The documents in force", _governance(evidence, verdict)),
        ("record", "The record that proves it", _record(evidence)),
    ]
    return {
        "sections": [
            {
                "id": key,
                "title": title,
                "contributes_to": regulations.points_of(key),
                "content": content if content not in ([], {}) else NOT_RECORDED,
            }
            for key, title, content in contents
        ],
        "regulations": regulations.index(),
        "trust": trust.statements(evidence.checkpoint.origin, evidence.events),
    }


def _model(evidence: Evidence, history: History, version: Version) -> dict[str, object]:
    made = version.registered
    return {
        "name": evidence.name,
        "asked": evidence.asked,
        "at": moment(evidence.at_ms),
        "version": version.semver,
        "number": version.number,
        "uid": version.uid,
        "manifest_digest": made.told("manifest_digest"),
        "stage": version.stage,
        "aliases": history.aliases_of(version) or "none",
        "standing": version.standing,
        "standing_since": _by(version.standing_by) if version.standing_by else made.cited(),
        "quarantine": _by(version.unusable) if version.unusable else "none",
        "legal_hold": _by(version.held) if version.held else "none",
        "endpoint": endpoint_of(history),
        "registered": _by(made),
        "earlier_names": sorted({span.name for span in evidence.spans} - {evidence.name}) or "none",
        "purpose": NOT_RECORDED,
    }


def _by(event: LoggedEvent) -> dict[str, object]:
    reason = event.data.get("reason") or event.data.get("detail")
    return {**event.cited(), **event.who(), **({"reason": reason} if reason else {})}


def _development(history: History, version: Version) -> dict[str, object]:
    made = version.registered
    before = history.by_uid(made.data.get("predecessor_uid"))
    is_first = made.data.get("predecessor_uid", NOT_RECORDED) is None
    return {
        "run": made.told("run_id"),
        "git_commit": made.told("git_commit"),
        "dataset_digest": made.told("dataset_digest"),
        "logged_model": made.told("logged_model"),
        "source": made.told("source"),
        "copied_from": made.data.get("origin_uid", NOT_RECORDED) or "nothing",
        "version_before": before.semver if before else "none" if is_first else NOT_RECORDED,
        "change": made.told("bump"),
        "reason": made.told("reason"),
        **made.cited(),
        "method": NOT_RECORDED,
        "description_of_the_data": NOT_RECORDED,
    }


def _files(evidence: Evidence, version: Version) -> dict[str, object]:
    digest = version.registered.told("manifest_digest")
    stated = evidence.statements.get(version.uid)
    manifest = evidence.documents.of(digest)
    return {
        "manifest_digest": digest,
        "statement": {
            "statement_digest": stated.digest,
            "signed_by": stated.key_id,
            **(version.signed.cited() if version.signed else {}),
        }
        if stated
        else NOT_RECORDED,
        "files": recorded(manifest.get("files")),
    }


def _rollouts(history: History, version: Version) -> list[dict[str, object]]:
    found = history.rollouts.values()
    return [rollout_told(one) for one in found if one.version_uid == version.uid]


def _change(history: History, version: Version) -> dict[str, object]:
    made = version.registered
    return {
        "version": version.semver,
        "number": version.number,
        **made.cited(),
        **made.who(),
        "change": made.told("bump"),
        "reason": made.told("reason"),
        "manifest_digest": made.told("manifest_digest"),
        "stage": "deleted" if version.deleted else version.stage,
        "standing": version.standing,
        "requests": [
            f"{one.id}: {one.closed.type.partition('.')[2] if one.closed else 'open'}"
            for one in history.requests.values()
            if one.version_uid == version.uid
        ]
        or "none",
    }


def _governance(evidence: Evidence, verdict: LoggedEvent | None) -> list[dict[str, object]]:
    """Return each document that was put in force; in full, what held then or at the verdict."""
    found = [event for event in evidence.events if event.type in _ADOPTED]
    newest = {event.type: event for event in found}
    judged_under = verdict.data.get("constitution_digest") if verdict else None
    missing = [name for type, name in _ADOPTED.items() if type not in newest]
    gaps: list[dict[str, object]] = [{"document": name, "digest": NOT_RECORDED} for name in missing]
    return gaps + [
        {
            "document": _ADOPTED[event.type],
            "digest": event.told("digest"),
            "put_in_force": event.cited(),
            **event.who(),
            "in_force": "yes" if newest[event.type] is event else "no",
            "in_full": evidence.documents.whole(event.data.get("digest"))
            if newest[event.type] is event or event.data.get("digest") == judged_under
            else "in its event",
        }
        for event in found
    ]


def _record(evidence: Evidence) -> dict[str, object]:
    checkpoint, events = evidence.checkpoint, evidence.events
    return {
        "log": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "cosigned_by": list(evidence.cosigners) or NOT_RECORDED,
        "events": len(events),
        "first_event": events[0].sequence,
        "last_event": events[-1].sequence,
    }
