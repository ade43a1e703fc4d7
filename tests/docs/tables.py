"""Tables of the reference pages, made from the objects that the code itself uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from importlib.metadata import entry_points
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from infra.component import components
from infra.configuration import Setting, defined, groups
from infra.errors import exit_code
from infra.settings import Settings
from infra.web.http import status_of
from tests.docs.code_facts import ROOT, ReasonFact, error_classes, mlflow_answers
from tests.integration.serving.runtime.right_answers import DIFFERENCES
from tests.support.differences import Difference

_TYPES = {
    "bool": "true or false",
    "Path": "path",
    "str": "text",
    "float": "number",
    "int": "whole number",
}
_UNTOLD = {
    "api_version": "`acgs.governance/v1`",
    "kind": "`Constitution`",
    "metadata": "which constitution this is",
    "applies_to": "which names are governed; the first match wins, no match is not governed",
    "stages": "the bar of each governed stage",
    "principles": "what is upheld; ids are unique and the weights add up to exactly 1",
    "metadata.name": "for people",
    "metadata.version": "for people",
    "metadata.constitutional_hash": "the identifier; equal to `CONSTITUTIONAL_HASH` and the lock",
    "applies_to[].pattern": "`*`, `?` and `[...]`, compared without case",
    "applies_to[].enforcement": "`observe`, `warn` or `enforce`",
    "stages.Staging.min_score": "lowest score for Staging",
    "stages.Production.min_score": "lowest score; `CONSTITUTIONAL_COMPLIANCE_TARGET` may raise it",
    "principles[].title": "one line for people",
    "principles[].weight": "share of the score",
    "principles[].id": "unique among principles and rules",
    "principles[].rules": "at least one",
    "principles[].rules[].id": "unique among principles and rules",
    "principles[].rules[].check": "one of the checks below",
    "principles[].rules[].mode": "`gate` vetoes whatever the score is; `score` only counts",
    "principles[].rules[].params": "parameters of the check",
    "principles[].rules[].fix": "replaces the check's own advice where the rule failed",
    "bindings[].task": "`classification` or `regression`",
    "bindings[].sha256": "of the file's bytes",
    "steps[].weight_percent": "the candidate's share of the traffic, 1..100",
    "steps[].hold_seconds": "shortest time at this weight, >= 0",
}
"""Meanings of keys whose class does not tell them."""
_GROUPS = (
    "console_scripts",
    "acgs.components",
    "acgs.checks",
    "acgs.version_finders",
    "mlflow.model_registry_store",
    "mlflow.app",
    "mlflow.default_experiment_provider",
)


def table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [_line(titles), _line(["---"] * len(titles)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(texts)} |"


def differences(listed: Iterable[Difference]) -> str:
    """One row per way in which the platform differs from plain MLflow."""
    titles = ("what", "plain MLflow", "the platform", "why")
    return table(titles, ((d.what, d.plain, d.platform, d.why) for d in listed))


def settings() -> str:
    """One section per component that has settings, with one row for each."""
    parts = []
    for component, kinds in groups().items():
        rows = [_setting(setting) for kind in kinds for setting in defined(kind)]
        parts += [f"## `{component}`", table(("name", "type", "default", "meaning"), rows)]
    return "\n\n".join(parts)


def _setting(setting: Setting) -> Sequence[object]:
    what = setting.definition
    default = "" if what.default in (None, "") else f"`{what.default}`"
    return f"`{what.name}`", what.kind.shown, default, what.meaning


def _bound(metadata: Any) -> str:
    for attribute, sign in (("ge", ">="), ("le", "<="), ("gt", ">"), ("lt", "<")):
        if hasattr(metadata, attribute):
            return f"{sign} {getattr(metadata, attribute)}"
    return str(metadata)


def answer_differences() -> str:
    """One row per difference between the model server and MLflow's own prediction."""
    rows = [
        (
            ", ".join(sorted(d.kinds)) if len(d.kinds) < 4 else "every kind",
            ", ".join(f"`{name}`" for name in sorted(d.types)),
            _some(sorted(d.values)),
            d.server,
            d.pyfunc,
            d.reason,
        )
        for d in DIFFERENCES
    ]
    return table(("input", "type", "value", "server", "MLflow", "why"), rows)


def _some(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def errors() -> str:
    """One row per error class that has a code of its own."""
    answers = mlflow_answers(ROOT)
    rows = []
    for kind in error_classes(ROOT):
        error = kind.__new__(kind)  # not asking the class how it wants to be made
        first = (kind.__doc__ or "").strip().split("\n\n")[0]
        parents = {parent.__name__ for parent in kind.__mro__}
        answer = next(code for name, code in answers if name in parents)
        rows.append(
            (
                f"`{kind.code}`",
                exit_code(error),
                status_of(error),
                f"`{answer}`",
                "yes" if kind.retriable else "",
                first,
            )
        )
    return table(("code", "exit", "HTTP", "MLflow code", "retry", "meaning"), rows)


def reasons(facts: Sequence[ReasonFact]) -> str:
    """One row per rule that the platform itself may name."""
    rows = [(f"`{f.rule}`", f.expected, f.fix) for f in facts]
    return table(("rule", "expected", "what to do"), rows)


def checks() -> str:
    """One section per check that a constitution may name."""
    from compliance.checks.check import EVERY_TASK, Check
    from compliance.checks.check import checks as known

    parts = []
    for name, check in known().items():
        assert isinstance(check, Check)
        tasks = "every task" if check.tasks == EVERY_TASK else ", ".join(sorted(check.tasks))
        text = (check.rule.__doc__ or "").strip().split("\n\n")[0]
        parts.append(f"### `{name}`\n\n{' '.join(text.split())} Judges {tasks}.")
        if check.params.model_fields:
            meaning = " ".join((check.params.__doc__ or "").split()).replace("`", "")
            rows = [
                (f"`{p}`", f"`{f.default}`", ", ".join(_bound(m) for m in f.metadata))
                for p, f in check.params.model_fields.items()
            ]
            parts += [meaning, table(("parameter", "default", "range"), rows)]
    return "\n\n".join(parts)


def attributes(kind: type) -> dict[str, str]:
    """Read the `Attributes:` part of a class's docstring, by attribute name."""
    found: dict[str, str] = {}
    names: list[str] = []
    _, _, part = (kind.__doc__ or "").partition("Attributes:\n")
    for line in part.splitlines():
        if match := re.match(r"^ {8}([a-z_0-9]+(?:, [a-z_0-9]+)*): (.+)$", line):
            names = match[1].split(", ")
            found |= dict.fromkeys(names, match[2])
        elif names and line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
        elif not line.strip():
            names = []
    return found


def _model_rows(model: type[BaseModel], where: str) -> list[tuple[str, str, str]]:
    told = attributes(model)
    rows = []
    for name, field in model.model_fields.items():
        if field.default_factory is not None:
            default = "empty"
        elif field.default is PydanticUndefined:
            default = "required"
        else:
            default = _default(field.default)
        bounds = ", ".join(b for m in field.metadata if (b := _simple_bound(m)))
        key = f"`{where}{field.alias or name}`"
        rows.append(
            (key, default, _meaning(told.get(name) or _UNTOLD.get(key.strip("`"), ""), bounds))
        )
    return rows


def _meaning(told: str, bounds: str) -> str:
    return "; ".join(part for part in (told.rstrip("."), bounds) if part)


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "empty"
    return f"`{value}`" if value != "" else "empty"


def _simple_bound(metadata: Any) -> str:
    if getattr(metadata, "pattern", None):
        return f"matches `{metadata.pattern}`"
    for attribute, sign in (("ge", ">="), ("le", "<="), ("gt", ">"), ("lt", "<")):
        if hasattr(metadata, attribute):
            return f"{sign} {getattr(metadata, attribute)}"
    return ""


def constitution_keys() -> str:
    """Every key that a constitution may have."""
    from compliance.constitution import document as d

    rows = [
        *_model_rows(d.Constitution, ""),
        *_model_rows(d.Metadata, "metadata."),
        *_model_rows(d.AppliesTo, "applies_to[]."),
        *_model_rows(d.Bar, "stages.Staging."),
        *_model_rows(d.Bar, "stages.Production."),
        *_model_rows(d.Principle, "principles[]."),
        *_model_rows(d.Rule, "principles[].rules[]."),
    ]
    return table(("key", "default", "meaning"), rows)


def evidence_keys() -> str:
    """Every key that an evidence binding may have."""
    from compliance.evidence.catalogue import Binding

    return table(("key", "default", "meaning"), _model_rows(Binding, "bindings[]."))


def rollout_plan() -> str:
    """Every key that a rollout plan may have."""
    from serving.domain.plan import Checks, RolloutPlan, Step

    rows = []
    for kind, where in ((RolloutPlan, ""), (Step, "steps[]."), (Checks, "checks.")):
        told = attributes(kind)
        for item in fields(kind):
            nested = item.name in ("steps", "checks") and kind is RolloutPlan
            plain = item.default is not MISSING and not nested
            default = f"`{item.default}`" if plain else ("below" if nested else "required")
            key = f"{where}{item.name}"
            rows.append((f"`{key}`", default, told.get(item.name) or _UNTOLD[key]))
    return table(("key", "default", "meaning"), rows)


def roles() -> str:
    """One row per role."""
    defaults = Settings()
    rows = [
        (
            f"`{role.name}`",
            component.name,
            role.summary[0].lower() + role.summary[1:]
            if role.summary[1].islower()
            else role.summary,
            ", ".join(role.after) or "-",
            ", ".join(f"`{name}`" for name, _ in role.ports(defaults)) or "-",
        )
        for component in components()
        for role in component.roles()
    ]
    return table(("role", "package", "what it does", "starts after", "listens on"), rows)


def entry_points_of(group: str) -> list[tuple[str, str]]:
    """This distribution's entry points of a group, as (name, target)."""
    found = entry_points(group=group)
    ours = [e for e in found if e.dist is not None and e.dist.name == "acgs-mlops"]
    return sorted({(e.name, e.value) for e in ours})


def entry_point_groups() -> Sequence[str]:
    """The groups that the distribution offers something in."""
    return _GROUPS


def entry_points_table() -> str:
    """One row per entry point."""
    rows = [
        (f"`{group}`", f"`{name}`", f"`{target}`")
        for group in _GROUPS
        for name, target in entry_points_of(group)
    ]
    return table(("group", "name", "what is loaded"), rows)
