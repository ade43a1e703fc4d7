"""A refusal says each cause once, wherever it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.reports import report
from registry.commands.shared import reason_lines
from registry.domain.reasons import Reason, causes
from registry.errors import GateClosedError
from registry.sdk import values

COMMAND = "acgs evidence add credit --dataset holdout.parquet"
LACKING = [
    Reason(f"performance.{name}", f"{name} >= 0.8", "insufficient: no evidence binding", COMMAND)
    for name in ("accuracy", "beats_majority", "r2", "noise", "gap", "rate")
]
OTHER = Reason("traceability.lineage", "a commit", "no git commit", "log from a checkout")
REASONS = (LACKING[0], OTHER, *LACKING[1:])


def document() -> dict[str, Any]:
    reasons = [
        {"rule": r.rule, "expected": r.expected, "found": r.found, "fix": r.fix} for r in REASONS
    ]
    return {
        "subject": {"name": "credit", "judged_as": "credit", "semver": "1", "manifest_digest": "a"},
        "target": "Production", "score": 0.1, "min_score": 0.9, "passed": False, "vetoes": [],
        "approvals_needed": 0, "task": None, "enforcement": "enforce", "principles": [],
        "reasons": reasons, "engine": {},
        "constitution": {"constitutional_hash": "c", "digest": "d"},
        "evidence": {"digest": "e", "binding": None, "rows": None},
    }  # fmt: skip


FACES = {
    "the error": lambda: str(GateClosedError("refused:", REASONS)),
    "the command line": lambda: "\n".join(reason_lines(document()["reasons"])),
    "a notebook": lambda: values.reasons_html("Why", REASONS),
    "the report as Markdown": lambda: report.render_markdown(document()),
    "the report as a page": lambda: report.render_html(document()),
}


@pytest.mark.parametrize("face", FACES)
def test_rules_that_lack_the_same_are_one_line_with_one_command(face: str) -> None:
    text = FACES[face]()
    assert text.count(COMMAND) == 1
    assert text.count("no evidence binding") == 1
    assert text.count("no git commit") == 1
    assert all(reason.rule in text for reason in REASONS)
    assert "r2 >= 0.8" not in text


def test_causes_stand_in_the_order_of_their_first_rule() -> None:
    first, second = causes(REASONS)
    assert first.rules == tuple(reason.rule for reason in LACKING)
    assert (second.rules, second.expected) == (("traceability.lineage",), "a commit")
    assert str(second) == str(OTHER)


def test_what_every_rule_expected_alike_is_said() -> None:
    same = [Reason(rule, "files", "none", "restore them") for rule in ("a", "b")]
    assert [str(cause) for cause in causes(same)] == [
        "a, b: expected files, found none. Fix: restore them"
    ]


@pytest.mark.parametrize("change", [{"found": "another"}, {"fix": "another"}])
def test_reasons_that_differ_in_what_was_found_or_helps_stay_apart(change: dict[str, str]) -> None:
    plain = {"rule": "a", "expected": "e", "found": "f", "fix": "x"}
    assert len(causes([Reason(**plain), Reason(**{**plain, "rule": "b", **change})])) == 2


def test_the_error_keeps_each_rule_s_own_reason_for_programs() -> None:
    assert GateClosedError("refused:", REASONS).reasons == REASONS
