"""Loads what finds faults in versions: the registry's own finder and those of other components.

An installed package joins by the entry-point group `acgs.version_finders`: an object with the
methods below. Its findings carry its entry point's name as `finder`, and a step of
`Action.EXTERNAL` where it can repair them by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

from infra.errors import PlatformError
from infra.settings import Settings
from registry.domain.findings import Finding

GROUP = "acgs.version_finders"


class BrokenFinderError(PlatformError):
    """An installed finder cannot be loaded, so what it would find is unknown."""

    code = "registry.finder_broken"


class Finder(Protocol):
    """Finds what is wrong with a model's versions, and repairs what it can."""

    def find(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return everything that is wrong now."""
        ...

    def plan(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return the findings that `resolve` would repair if called for each, in order."""
        ...

    def resolve(self, settings: Settings, finding: Finding, actor: str, at: datetime) -> bool:
        """Repair one finding and record the event. Returns False if the finding no longer stands.

        Must be safe to repeat and to interrupt.
        """
        ...


class RegistryFinder:
    """Finds what the registry's own records show."""

    def find(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return what is wrong with numbers, records, stages and aliases."""
        from registry.bootstrap import open_registry

        return open_registry(settings).checking.check_versions(name)

    def plan(self, settings: Settings, name: str) -> Sequence[Finding]:
        """Return what would be repaired."""
        from registry.bootstrap import open_registry

        return open_registry(settings).checking.foresee_steps(name)

    def resolve(self, settings: Settings, finding: Finding, actor: str, at: datetime) -> bool:
        """Repair one finding."""
        from registry.bootstrap import open_registry

        return open_registry(settings).checking.resolve_finding(finding, actor, at)


REGISTRY = RegistryFinder()


@cache
def finders() -> dict[str, Finder]:
    """Load every installed finder, by name.

    Raises:
        BrokenFinderError: one cannot be imported.
    """
    found: dict[str, Finder] = {}
    for entry in entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception as err:
            raise BrokenFinderError(
                f"version finder {entry.name!r} ({entry.value}) cannot be loaded: {err}",
                hint="reinstall the platform (in a clone: make setup)",
            ) from err
    return dict(sorted(found.items()))
