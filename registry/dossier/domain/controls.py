"""Lists every control that a version had to pass, with its evidence and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.domain.values import GOVERNED_STAGES
from registry.dossier.domain.documents import Documents
from registry.dossier.domain.history import Request
from registry.dossier.domain.json_values import NOT_RECORDED, items, mapping, recorded, text
from registry.dossier.domain.logged_event import LoggedEvent

_RESULT = ("outcome", "score", "observed", "expected", "n", "interval", "details", "fix")


def controls_of(
    verdict: LoggedEvent | None, request: Request | None, documents: Documents
) -> dict[str, object]:
    """Return the verdict, and each rule of the constitution that it was given under.

    Args:
        verdict: event of the scorecard; None where the version was never judged.
        request: for which it was judged.
        documents: scorecards and constitutions by their digests.
    """
    if verdict is None:
        return {"verdict": NOT_RECORDED, "rules": NOT_RECORDED}
    card = documents.of(verdict.data.get("scorecard_digest"))
    constitution = documents.of(verdict.data.get("constitution_digest"))
    judged = mapping(card.get("evidence"))
    asked = request.created if request else None
    target = text(card.get("target")) or (text(asked.data.get("target")) if asked else "")
    return {
        "verdict": {
            **verdict.cited(),
            "request": recorded(verdict.request_id),
            "target": recorded(target),
            "passed": verdict.told("passed"),
            "score": verdict.told("score"),
            "min_score": recorded(card.get("min_score")),
            "enforcement": recorded(card.get("enforcement")),
            "approvals_needed": recorded(card.get("approvals_needed")),
            "scorecard_digest": verdict.told("scorecard_digest"),
            "manifest_digest": verdict.told("manifest_digest"),
            "constitution_digest": verdict.told("constitution_digest"),
            "evidence_digest": verdict.told("evidence_digest"),
            "failed_rules": verdict.data.get("failed_rules", NOT_RECORDED),
            "judged_by": recorded(card.get("engine")),
            "confinement": recorded(card.get("confinement")),
        },
        "data": {
            "binding": recorded(judged.get("binding")),
            "rows": recorded(judged.get("rows")),
            "task": recorded(card.get("task")),
        },
        "rules": _rules(card, constitution, target) or NOT_RECORDED,
    }


def _rules(
    card: Mapping[str, object], constitution: Mapping[str, object], target: str
) -> list[dict[str, object]]:
    """Return each rule that the constitution or the scorecard has, in the constitution's order."""
    results = {
        text(rule.get("id")): (principle, rule)
        for principle in items(card.get("principles"))
        for rule in items(principle.get("rules"))
    }
    found = []
    for principle in items(constitution.get("principles")):
        for rule in items(principle.get("rules")):
            if target and target not in _stages(rule):
                continue
            _, result = results.pop(text(rule.get("id")), ({}, {}))
            found.append(_rule(principle, rule, result))
    found += [_rule(principle, rule, rule) for principle, rule in results.values()]
    return found


def _stages(rule: Mapping[str, object]) -> Sequence[object]:
    named = rule.get("stages")
    return named if isinstance(named, list) and named else sorted(GOVERNED_STAGES)


def _told(result: Mapping[str, object], key: str) -> object:
    """Return a value of a result; what the scorer had nothing to say about is recorded as none."""
    is_none = key in result and result[key] in (None, "", {}, [])
    return "none" if is_none else result.get(key, NOT_RECORDED)


def _rule(
    principle: Mapping[str, object], rule: Mapping[str, object], result: Mapping[str, object]
) -> dict[str, object]:
    return {
        "rule": recorded(rule.get("id")),
        "principle": recorded(principle.get("title")),
        "weight": recorded(principle.get("weight")),
        "labels": principle.get("labels") or [],
        "check": recorded(rule.get("check")),
        "mode": recorded(rule.get("mode") or result.get("mode") or "score"),
        "parameters": result.get("params") or rule.get("params") or "none",
        **{key: _told(result, key) for key in _RESULT},
    }
