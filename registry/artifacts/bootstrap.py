"""Puts artifact keeping together; importing this opens nothing."""

from __future__ import annotations

from infra.settings import Settings
from registry.artifacts.service import Artifacts
from registry.bootstrap import open_registry


def open_artifacts(settings: Settings) -> Artifacts:
    """Return artifact keeping on this installation's database; connects at the first use."""
    return Artifacts(settings, open_registry(settings))
