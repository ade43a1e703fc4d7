"""Gathers what people see of a request before they vote, and makes the screen that a vote keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.stores.db import reading
from registry.domain.canonical import canonical_bytes
from registry.domain.records import Request, VersionRecord
from registry.domain.values import RequestKind, Stage
from registry.errors import UnknownEndpointError
from registry.gate.adapters import verdicts
from registry.gate.domain.votes import Screen
from registry.gate.errors import ShownChangedError
from registry.lineage.domain.completeness import completeness_view
from registry.lineage.origins import completeness_of
from registry.screens import page
from registry.views.people import whole_request_view
from registry.views.records import verdict_view
from registry.views.versions import diff_view

if TYPE_CHECKING:
    from registry.bootstrap import Registry

FORMAT = "acgs.screen/v1"


def gather(registry: Registry, request: Request) -> dict[str, Any]:
    """Return the facts as JSON values.

    They are the same until something of them changes: no moment of the look is among them, so
    that who votes can name what they saw by its digest.
    """
    candidate = registry.versions.version(request.version_uid)
    plan, serving = _endpoint(registry, request)
    return {
        "format": FORMAT,
        "names_are_claims": registry.access.is_open,
        "request": whole_request_view(registry, request),
        "verdict": _verdict(registry, request),
        "serving": _ref(serving) if serving else None,
        "difference": _difference(registry, serving, candidate),
        "lineage": _lineage(registry, candidate),
        "plan": plan,
    }


def screen_of(registry: Registry, request: Request) -> Screen:
    """Return what there is to see of a request now."""
    facts = gather(registry, request)
    shown = facts["request"]["shown"].get("digest", "")
    return Screen(canonical_bytes(facts), page.render(facts).encode(), shown=shown)


def seen(registry: Registry, request: Request, named: str) -> Screen:
    """Return the screen that somebody votes by.

    Args:
        registry: of the request.
        request: that is voted on.
        named: digest of the page that the voter saw; empty where they named none.

    Raises:
        ShownChangedError: another page would be shown now.
    """
    screen = screen_of(registry, request)
    found = screen.digests.page
    if named not in {"", found}:
        raise ShownChangedError(
            f"expected the page that you were shown, {named}, found {found}: what is on it, or "
            "the platform, changed since",
            hint=f"look again, then vote: /acgs/requests/{request.id} shows what there is now",
        )
    return replace(screen, confirmed=bool(named))


def _verdict(registry: Registry, request: Request) -> dict[str, Any] | None:
    with reading(registry.engine) as connection:
        card = verdicts.scorecard_of(connection, request.id)
    return {**verdict_view(card), "document": dict(card.document)} if card else None


def _endpoint(
    registry: Registry, request: Request
) -> tuple[dict[str, Any] | None, VersionRecord | None]:
    """Return the plan that a move to Production follows, and the version that serves."""
    try:
        endpoint = registry.endpoints.endpoint(request.judged_as)
    except UnknownEndpointError:
        endpoint = None
    moves = request.kind is RequestKind.TRANSITION and request.target is Stage.PRODUCTION
    plan = dict(endpoint.plan) if endpoint and moves else None
    if endpoint and endpoint.stable_uid:
        return plan, registry.versions.version(endpoint.stable_uid)
    number = registry.stages.champion_number(request.judged_as)
    if number is None:
        return plan, None
    return plan, registry.versions.live_record(request.judged_as, number)


def _difference(
    registry: Registry, serving: VersionRecord | None, candidate: VersionRecord
) -> dict[str, Any] | None:
    if serving is None or serving.uid == candidate.uid:
        return None
    comparing = registry.comparison
    compared = comparing.compare(serving, candidate)
    return diff_view(serving, candidate, compared, comparing.diff(serving, candidate))


def _lineage(registry: Registry, candidate: VersionRecord) -> dict[str, Any] | None:
    if registry.versions.live_record(candidate.name, candidate.version) is None:
        # Its request outlives a deleted version; what it was made from is told by the diff alone.
        return None
    with reading(registry.engine) as connection:
        return completeness_view(completeness_of(connection, candidate))


def _ref(record: VersionRecord) -> dict[str, Any]:
    return {"name": record.name, "semver": record.semver, "version": record.version}
