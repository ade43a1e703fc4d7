"""A request with everything that its page can show."""

from __future__ import annotations

from typing import Any

from registry.screens import page

SCRIPT = "<script>alert(1)</script>"
RULE = {
    "id": "fairness.gap", "mode": "gate", "outcome": "fail", "expected": "at most 0.1",
    "observed": "0.2 <b>",
}  # fmt: skip
FACTS: dict[str, Any] = {
    "format": "acgs.screen/v1",
    "names_are_claims": True,
    "request": {
        "id": 42, "kind": "transition", "name": SCRIPT, "semver": "1.2.0", "version": 3,
        "judged_as": "credit", "target": "Production", "alias": "", "from_stage": "Staging",
        "state": "open", "actor": "ben@10.0.0.1", "created_at": "2026-03-02", "decided_at": None,
        "expires_at": "2026-03-09", "problem": None,
        "decision": {"waiting_for": "1 approval as lead", "warnings": []},
        "shown": {"digest": "sha256:all", "artifact": "sha256:files", "plan": None},
        "seats": [
            {"role": "security", "by": "sam for eve", "could": []},
            {"role": "lead", "by": None, "could": ["group:Risk, Läufer & Söhne"]},
        ],
        "votes": [
            {
                "number": 1, "who": "sam for eve", "approved": True, "comment": SCRIPT, "at": "x",
                "expires_at": None, "ended": "void", "ended_because": "the verdict changed since",
                "screen": {"facts": "sha256:f", "page": "sha256:p", "confirmed": True},
            }
        ],
        "comments": [{"actor": "lou@10.0.0.2", "at": "x", "comment": "from\nMärz?"}],
    },
    "verdict": {
        "passed": False, "target": "Production", "score": 0.9123, "enforcement": "enforce",
        "created_at": "x",
        "reasons": [
            {"rule": "fairness.gap", "expected": "at most 0.1", "found": "0.2", "fix": "retrain"}
        ],
        "document": {
            "min_score": 0.95,
            "principles": [{"title": "Fairness", "rules": [
                {**RULE, "id": "fairness.ok", "outcome": "pass", "mode": "score"}, RULE,
            ]}],
        },
    },
    "serving": {"name": "credit", "semver": "1.1.0", "version": 2},
    "difference": {
        "change": "major", "reasons": ["a column is new"],
        "lines": [
            {"part": "metric", "name": "auc", "before": "0.8", "after": None, "note": SCRIPT}
        ],
    },
    "lineage": {"share": 0.5, "parts": [{"name": "run", "found": None, "fix": "log it"}]},
    "plan": {"steps": [10, 100]},
}  # fmt: skip
FORMS = page.Forms(
    "lea", "sha256:page", "secret-token", roles=("lead",), lenders=("dan",), error=SCRIPT
)
