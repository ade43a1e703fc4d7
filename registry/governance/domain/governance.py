"""Decides which models are governed, and how strictly: by name, never by a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from registry.domain.values import Enforcement, Stage
from registry.governance.domain.approval_rules import ApprovalRules

# As fnmatch reads them: a `]` right after the opening, or after its `!`, is a member.
_CLASS = re.compile(r"\[!?+\]?+[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name pattern (`*`, `?`, `[...]`; compared without case) and its enforcement.

    Raises:
        ValueError: a `[` is never closed, so that the pattern would match its own text alone.
    """

    pattern: str
    enforcement: Enforcement

    def __post_init__(self) -> None:
        if "[" in _CLASS.sub("", self.pattern):
            raise ValueError(f"expected a ']' after every '[', found {self.pattern!r}")

    def matches(self, name: str) -> bool:
        """Return whether `name` matches this pattern."""
        return fnmatchcase(name.casefold(), self.pattern.casefold())


@dataclass(frozen=True, slots=True)
class Governance:
    """What the registry needs of the constitution.

    Attributes:
        constitutional_hash: the document's identifier.
        constitution_digest: `sha256:<hex>` of the canonical document.
        patterns: first match wins; a name that none matches is not governed.
        stages: what each governed stage asks of people.
        document: the whole constitution, as JSON values.
    """

    constitutional_hash: str
    constitution_digest: str
    patterns: tuple[Pattern, ...]
    stages: tuple[tuple[Stage, ApprovalRules], ...] = ()
    document: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    def approval_rules(self, target: Stage) -> ApprovalRules:
        """Return what a stage asks of people."""
        return next((rules for stage, rules in self.stages if stage is target), ApprovalRules())

    def enforcement(self, name: str) -> Enforcement | None:
        """Return how strictly `name` is governed, or None if it is not."""
        return next((p.enforcement for p in self.patterns if p.matches(name)), None)

    def governs(self, name: str) -> bool:
        """Return whether any pattern matches `name`."""
        return self.enforcement(name) is not None
