"""Reads the constitution in force, checks it whole, and writes its lock."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from compliance.checks.check import Judge, checks
from compliance.constitution.document import (
    AppliesTo,
    Bar,
    Constitution,
    Metadata,
    Principle,
    Rule,
    Stages,
)
from compliance.domain.facts import Task
from compliance.errors import ConstitutionError
from compliance.settings import ComplianceSettings
from infra.schema_errors import explain, suggestion
from infra.settings import Settings
from registry.domain import canonical
from registry.domain.values import Stage
from registry.governance.adapters import governance_file
from registry.settings import RegistrySettings

_MODELS: tuple[type[BaseModel], ...] = (
    AppliesTo, Bar, Constitution, Metadata, Principle, Rule, Stages,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked constitution with every rule's check filled in.

    Attributes:
        digest: `sha256:<hex>` of the canonical document.
        judges: rule id to its check.
        tasks: rule id to the tasks it applies to.
        min_production_score: what the settings ask for at least.
    """

    constitution: Constitution
    digest: str
    judges: Mapping[str, Judge]
    tasks: Mapping[str, frozenset[Task]]
    min_production_score: float

    def min_score(self, target: Stage) -> float:
        """Return the score a stage asks for; the settings may raise Production's."""
        asked = self.constitution.bar(target).min_score
        return max(asked, self.min_production_score) if target is Stage.PRODUCTION else asked


def load(settings: Settings) -> Policy:
    """Return the constitution in force.

    Raises:
        registry.governance.adapters.governance_file.ConstitutionError: document, lock and
            `CONSTITUTIONAL_HASH` do not name the same thing.
        ConstitutionError: the document is invalid.
    """
    governance = governance_file.load(settings)
    path = governance_file.constitution_path(settings)
    policy = _checked(path, governance.constitution_digest, settings.of(ComplianceSettings).target)
    if policy.digest != governance.constitution_digest:
        raise ConstitutionError(
            f"expected constitution {governance.constitution_digest}, found {policy.digest}",
            hint="the document changed while it was read; try again",
        )
    return policy


@lru_cache(maxsize=8)
def _checked(path: Path, _digest: str, min_production_score: float) -> Policy:
    return check(path, min_production_score)


def check(path: Path, min_production_score: float = 0.0) -> Policy:
    """Check a document, whether or not it is locked.

    Raises:
        ConstitutionError: the document is invalid; names each place.
    """
    raw = governance_file.document(path)
    keys = {key for model in _MODELS for key in _keys(model)}
    try:
        constitution = Constitution.model_validate(raw)
    except ValidationError as err:
        raise ConstitutionError(f"{path}:\n  {explain(err, keys)}", hint=_HINT) from err
    try:
        digest = canonical.digest(raw)
    except ValueError as err:
        raise ConstitutionError(f"{path}: {err}", hint=_HINT) from err
    judges: dict[str, Judge] = {}
    tasks: dict[str, frozenset[Task]] = {}
    for p, principle in enumerate(constitution.principles):
        for r, rule in enumerate(principle.rules):
            where = f"principles[{p}].rules[{r}]"
            judges[rule.id], tasks[rule.id] = _bind(path, where, rule)
    return Policy(constitution, digest, judges, tasks, min_production_score)


def check_named(path: Path, settings: Settings) -> Policy:
    """Check a document that is to come into force under these settings.

    Raises:
        ConstitutionError: it is not valid, or `CONSTITUTIONAL_HASH` names another.
    """
    policy = check(path)
    found = policy.constitution.metadata.constitutional_hash
    wanted = settings.of(RegistrySettings).constitutional_hash
    if found != wanted:
        raise ConstitutionError(
            f"{path}: metadata.constitutional_hash: expected {wanted}, as "
            f"CONSTITUTIONAL_HASH says, found {found}",
            hint=f"CONSTITUTIONAL_HASH must name it: CONSTITUTIONAL_HASH={found}, or correct "
            "the document",
        )
    return policy


_HINT = "correct those lines, then: acgs constitution check"


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _bind(path: Path, where: str, rule: Rule) -> tuple[Judge, frozenset[Task]]:
    known = checks()
    found = known.get(rule.check)
    if found is None:
        raise ConstitutionError(
            f"{path}: {where}.check: unknown check {rule.check!r}"
            f"{suggestion(rule.check, list(known)) or ', expected one of ' + ', '.join(known)}",
            hint=_HINT,
        )
    tasks = frozenset(rule.tasks) or found.tasks
    if not tasks <= found.tasks:
        raise ConstitutionError(
            f"{path}: {where}.tasks: {rule.check} can judge {', '.join(sorted(found.tasks))}, "
            f"found {', '.join(sorted(tasks - found.tasks))}",
            hint=_HINT,
        )
    stray = sorted(set(rule.stages) - {Stage.STAGING, Stage.PRODUCTION})
    if stray or not rule.stages:
        raise ConstitutionError(
            f"{path}: {where}.stages: expected Staging, Production or both, "
            f"found {', '.join(stray) or 'none'}",
            hint=_HINT,
        )
    try:
        return found.bind(rule.params), tasks
    except ValidationError as err:
        problem = explain(err, found.parameters, f"{where}.params")
        raise ConstitutionError(f"{path}:\n  {problem}", hint=_HINT) from err


def write_lock(path: Path) -> Path:
    """Bind a document's identifier to its present text; idempotent.

    Returns:
        Path of the lock, beside the document.

    Raises:
        ConstitutionError: the document is not valid.
    """
    policy = check(path)
    lock: dict[str, Any] = {
        "constitutional_hash": policy.constitution.metadata.constitutional_hash,
        "sha256": policy.digest.removeprefix("sha256:"),
    }
    target = path.with_name(governance_file.LOCK)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".lock-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(lock, indent=2) + "\n")
    Path(name).chmod(0o644)
    Path(name).replace(target)
    return target
