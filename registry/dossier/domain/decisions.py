"""Tells who asked for what, who voted on which digests, and whether the outcome follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import Request, Version
from registry.dossier.domain.json_values import NOT_RECORDED, integer, mapping, recorded, text
from registry.dossier.domain.logged_event import LoggedEvent, digests
from registry.dossier.domain.roles_held import roles_held

YES, NO = "yes", "no"
_TOLD = frozenset({"role", "roles", "comment", "manifest_digest"})
_ENDED = frozenset({"approval.withdrawn", "approval.voided", "approval.expired"})
"""Types of events after which a vote counts no more; `approver` in their data says whose."""
Finding = dict[str, object]


@dataclass(frozen=True, slots=True)
class Adopted:
    """Events of documents that were put in force, oldest first."""

    constitutions: Sequence[LoggedEvent]
    roles: Sequence[LoggedEvent]


def decision_of(
    request: Request, version: Version, adopted: Adopted, documents: Documents
) -> dict[str, object]:
    """Return a request with its votes, its verdict, its outcome, and what follows from what.

    Args:
        request: about the version.
        version: that was asked about.
        adopted: what was put in force.
        documents: scorecards and roles by their digests.
    """
    created = request.created
    return {
        "request": request.id,
        "asked": {**created.who(), **created.cited()} if created else NOT_RECORDED,
        "kind": created.told("kind") if created else NOT_RECORDED,
        "from_stage": created.told("from_stage") if created else NOT_RECORDED,
        "target": created.told("target") if created else NOT_RECORDED,
        "alias": (created.data.get("alias") or "none") if created else NOT_RECORDED,
        "digests": digests(created) if created else NOT_RECORDED,
        "votes": [
            _vote(event, roles_held(event, request, adopted.roles, documents))
            for event in request.ballots
        ],
        "verdicts": [
            {
                **event.cited(),
                "passed": event.told("passed"),
                "score": event.told("score"),
                "digests": digests(event),
            }
            for event in request.verdicts
        ],
        "also_said": [
            {"what": event.type, **event.who(), **event.cited(), "said": dict(event.data)}
            for event in request.others
        ],
        "outcome": _outcome(request.closed),
        "follows": list(_findings(request, version, adopted.constitutions, documents)),
    }


def _vote(event: LoggedEvent, role: object) -> dict[str, object]:
    return {
        "vote": "approved" if event.type == "approval.given" else "rejected",
        **event.who(),
        "role": role,
        **event.cited(),
        "digests": digests(event),
        "comment": recorded(event.data.get("comment")),
        **{key: value for key, value in event.data.items() if key not in _TOLD},
    }


def _outcome(closed: LoggedEvent | None) -> object:
    if closed is None:
        return "open"
    seats = closed.data.get("approvals")
    return {
        "outcome": closed.type.partition(".")[2],
        **closed.who(),
        **closed.cited(),
        **({"seats": seats} if seats else {}),
        "reasons": closed.data.get("reasons") or [],
        "warnings": closed.data.get("warnings") or [],
    }


def _findings(
    request: Request, version: Version, in_force: Sequence[LoggedEvent], documents: Documents
) -> Iterator[Finding]:
    """Yield what the reader of a granted request wants to know, each with the events behind it."""
    closed = request.closed
    if closed is None or closed.type != "transition_request.granted":
        return
    verdict = next(
        (one for one in reversed(request.verdicts) if one.sequence < closed.sequence), None
    )
    files = version.registered.data.get("manifest_digest")
    card = documents.of(verdict.data.get("scorecard_digest")) if verdict else {}
    yield _finding(
        "a verdict that passed was there before the grant",
        verdict is not None and verdict.data.get("passed") is True,
        "no verdict before the grant" if verdict is None else f"event {verdict.sequence}",
    )
    if verdict is not None:
        yield _finding(
            "the verdict is about the files that were registered",
            verdict.data.get("manifest_digest") == files if files else None,
            f"events {version.registered.sequence} and {verdict.sequence}",
        )
        yield _by_the_constitution(verdict, in_force)
        yield _finding(
            "the scorecard says what its event says",
            _same(verdict, card) if card else None,
            f"document {verdict.told('scorecard_digest')}",
        )
    yield from _votes_counted(request, closed, files, integer(card.get("approvals_needed")))


def _by_the_constitution(verdict: LoggedEvent, in_force: Sequence[LoggedEvent]) -> Finding:
    before = [event for event in in_force if event.sequence < verdict.sequence]
    what = "the verdict was given under the constitution in force"
    if not before:
        return _finding(what, None, "no event of a constitution before it")
    held = before[-1]
    digest = verdict.data.get("constitution_digest")
    return _finding(what, digest == held.data.get("digest"), f"event {held.sequence}")


def _same(verdict: LoggedEvent, card: object) -> bool:
    found, subject = mapping(card), mapping(mapping(card).get("subject"))
    constitution, evidence = mapping(found.get("constitution")), mapping(found.get("evidence"))
    said = (
        found.get("passed"),
        found.get("score"),
        subject.get("manifest_digest"),
        constitution.get("digest"),
        evidence.get("digest"),
    )
    keys = ("passed", "score", "manifest_digest", "constitution_digest", "evidence_digest")
    return said == tuple(verdict.data.get(key) for key in keys)


def _votes_counted(
    request: Request, closed: LoggedEvent, files: object, needed: int | None
) -> Iterator[Finding]:
    votes = [
        event
        for event in request.ballots
        if event.sequence < closed.sequence and not _has_ended(event, request, closed)
    ]
    given = [event for event in votes if event.type == "approval.given"]
    of_these = {event.person for event in given if event.data.get("manifest_digest") == files}
    asker = request.created.person if request.created else ""
    yield _finding(
        "as many different people approved these very files as the scorecard asked for",
        None if needed is None else len(of_these) >= needed,
        f"{len(of_these)} of {recorded(needed)}",
    )
    yield _finding(
        "there were as many without whoever asked for it",
        None if needed is None or not asker else len(of_these - {asker}) >= needed,
        f"asked by {asker or NOT_RECORDED}",
    )
    rejected = [f"event {event.sequence}" for event in votes if event not in given]
    yield _finding(
        "nobody had rejected it before the grant",
        not rejected,
        ", ".join(rejected) or "no rejection",
    )


def _has_ended(vote: LoggedEvent, request: Request, closed: LoggedEvent) -> bool:
    return any(
        event.type in _ENDED
        and vote.sequence < event.sequence < closed.sequence
        and event.data.get("approver") == vote.actor
        for event in request.others
    )


def _finding(what: str, holds: bool | None, because: str) -> Finding:
    answer = NOT_RECORDED if holds is None else YES if holds else NO
    return {"what": what, "holds": answer, "because": because}


def last_verdict(requests: Sequence[Request]) -> tuple[LoggedEvent | None, Request | None]:
    """Return the newest verdict that led to a grant, else the newest of all, with its request."""
    granted = [one for one in requests if one.closed and text(one.closed.type).endswith("granted")]
    for some in (granted, requests):
        found = [(event, one) for one in some for event in one.verdicts]
        if found:
            return max(found, key=lambda pair: pair[0].sequence)
    return None, None
