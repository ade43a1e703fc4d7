"""Renders a scorecard as one self-contained HTML page, and as Markdown.

Both are functions of the scorecard alone. No script, no font, no request to anywhere: MLflow
shows HTML artifacts in a sandboxed frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compliance.reports import charts
from registry.domain.reasons import Cause, Reason, causes

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
LABELS = {
    "pass": "passed",
    "fail": "failed",
    "error": "error",
    "insufficient": "insufficient evidence",
    "not_applicable": "not applicable",
}
MARKS = {"pass": "✓", "fail": "✗", "error": "✗", "insufficient": "?", "not_applicable": "–"}


def render_html(document: Mapping[str, Any]) -> str:
    """Return the report as one HTML page."""
    template = _environment().get_template("report.html")
    return template.render(
        card=document,
        causes=causes_of(document),
        plots=charts.plots(document),
        dial=charts.dial(document),
    )


def causes_of(document: Mapping[str, Any]) -> tuple[Cause, ...]:
    """Return a scorecard's reasons, grouped by cause."""
    return causes(Reason(**reason) for reason in document["reasons"])


def render_markdown(document: Mapping[str, Any]) -> str:
    """Return the report as Markdown."""
    subject = document["subject"]
    lines = [
        f"# {subject['name']} {subject['semver']}: {_verdict(document)} for {document['target']}",
        "",
        summary(document),
        "",
        "| principle | share | score |",
        "|---|---:|---:|",
        *(
            f"| {p['title']} | {p['share']:.1%} | {_score(p['score'])} |"
            for p in document["principles"]
        ),
    ]
    if document["reasons"]:
        lines += ["", "## What to do", ""]
        lines += [
            f"- **{', '.join(cause.rules)}**: {cause.what}. *Fix:* {cause.fix}"
            for cause in causes_of(document)
        ]
    lines += [
        "",
        "## Rules",
        "",
        "| | rule | score | expected | found | n |",
        "|---|---|---:|---|---|---:|",
    ]
    for principle in document["principles"]:
        lines += [_row(rule) for rule in principle["rules"]]
    lines += ["", *_judged_by(document), ""]
    return "\n".join(lines)


def summary(document: Mapping[str, Any]) -> str:
    """Say the verdict in one sentence."""
    vetoes = document.get("vetoes") or []
    gates = f", vetoed by {', '.join(vetoes)}" if vetoes else ""
    return (
        f"**{_verdict(document).capitalize()}** for {document['target']}: "
        f"score **{document['score']:.4f}**, expected at least {document['min_score']:.2f}{gates}."
    )


def _verdict(document: Mapping[str, Any]) -> str:
    return "passed" if document["passed"] else "refused"


def _score(score: float | None) -> str:
    return "n/a" if score is None else f"{score:.3f}"


def _row(rule: Mapping[str, Any]) -> str:
    cells: Sequence[object] = (
        f"{MARKS[rule['outcome']]} {LABELS[rule['outcome']]}",
        rule["id"] + (" (gate)" if rule["mode"] == "gate" else ""),
        "n/a" if rule["outcome"] == "not_applicable" else _score(rule["score"]),
        rule["expected"],
        rule["observed"],
        "" if rule["n"] is None else rule["n"],
    )
    return (
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
    )


def _judged_by(document: Mapping[str, Any]) -> list[str]:
    constitution, evidence = document["constitution"], document["evidence"]
    binding = evidence["binding"] or {}
    return [
        "## Judged by",
        "",
        f"- constitution `{constitution['constitutional_hash']}`, `{constitution['digest']}`",
        f"- evidence `{evidence['digest']}`, dataset sha256 `{binding.get('sha256', 'none')}`, "
        f"{evidence['rows'] or 0} rows",
        f"- artifact `{document['subject']['manifest_digest']}`",
        "",
        "Labels of regulations name what a rule gives evidence for, no proof of conformity.",
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals.update(labels=LABELS, marks=MARKS)
    return environment
