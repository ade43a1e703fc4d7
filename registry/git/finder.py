"""Reports to `acgs version check` what is wrong with a model's git tags."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from infra.clock import utc_now
from infra.settings import Settings
from infra.stores.db import reading
from registry.domain.findings import Finding, Severity
from registry.git.adapters import findings
from registry.git.adapters.findings import FindingKind, FindingPlace, Found
from registry.git.domain import grammar
from registry.git.domain.names import to_name
from registry.git.errors import GitError
from registry.git.service import open_tags
from registry.git.settings import GitSettings

FRESH_SECONDS = 5.0
"""For how long one read of the repository is used: a check asks for every model in turn."""

_ERRORS = frozenset({FindingKind.MOVED, FindingKind.DELETED})


@dataclass(slots=True)
class GitFinder:
    """Reads the repository itself; findings about the remote are those of its last check."""

    _looks: dict[str, tuple[float, Sequence[tuple[str, int | None, Found]]]] = field(
        default_factory=dict
    )

    def find(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return what is wrong with a model's tags; nothing when no repository is set."""
        if settings.of(GitSettings).repository is None:
            return []
        try:
            found = self._look(settings)
        except GitError as err:
            return [_unreadable(name, err)]
        return [_finding(model, number, one) for model, number, one in found if model == name]

    def plan(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return nothing, since this finder repairs nothing."""
        del settings, name
        return []

    def resolve(self, settings: Settings, finding: Finding, actor: str, at: datetime) -> bool:
        """Repair nothing: only a person may decide to overwrite a tag."""
        del settings, finding, actor, at
        return False

    def _look(self, settings: Settings) -> Sequence[tuple[str, int | None, Found]]:
        key = f"{settings.sqlalchemy_url} {settings.of(GitSettings).repository}"
        since, found = self._looks.get(key, (None, ()))
        if since is not None and time.monotonic() - since < FRESH_SECONDS:
            return found
        tags = open_tags(settings)
        try:
            now = tags.check_local(utc_now(), dry_run=True).found
            with reading(tags.engine) as connection:
                elsewhere = findings.standing(connection)
                now += [one for one in elsewhere if one.place is not FindingPlace.LOCAL]
                located = [
                    (*_about(findings.about(connection, one.subject), one), one) for one in now
                ]
        finally:
            tags.engine.dispose()
        self._looks[key] = time.monotonic(), located
        return located


def _about(known: tuple[str, int | None], one: Found) -> tuple[str, int | None]:
    """Return the model and version number that a finding is about."""
    parsed = grammar.parse(one.subject)
    if known[1] is not None or parsed is None:
        return known
    return to_name(parsed.artifact) or one.subject, None


def _finding(model: str, number: int | None, one: Found) -> Finding:
    return Finding(
        rule=f"git.{one.kind}",
        severity=Severity.ERROR if one.kind in _ERRORS else Severity.WARNING,
        name=model,
        version=number,
        expected=f"{one.subject}: {one.expected} ({one.place})",
        found=one.found,
        fix=one.hint,
        finder="git",
    )


def _unreadable(name: str, error: GitError) -> Finding:
    return Finding(
        rule="git.unreadable",
        severity=Severity.ERROR,
        name=name,
        version=None,
        expected="a git repository whose tags can be compared",
        found=error.message,
        fix=error.hint or "acgs git status",
        finder="git",
    )


GIT = GitFinder()
