"""Reads verdicts for the command line and for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.component import View
from infra.errors import NotFoundError
from registry.bootstrap import open_registry
from registry.domain.values import spelled

if TYPE_CHECKING:
    from infra.settings import Settings


def views(settings: Settings) -> Mapping[str, View]:
    """Return compliance's views; nothing is opened until the first is read."""
    registry = open_registry(settings)

    def verdict(asked: Mapping[str, str]) -> Mapping[str, Any]:
        found = registry.versions.find_version(asked.get("name", ""), asked.get("version", ""))
        newest = registry.gate.verdict_on(found.uid)
        if newest is None:
            raise NotFoundError(
                f"{found.ref}: expected a verdict, found none",
                hint=f"acgs compliance score {spelled(found.name, found.semver)}",
            )
        return newest.document

    return {"verdict": verdict}
