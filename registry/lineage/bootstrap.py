"""Puts lineage together; importing this module opens nothing."""

from __future__ import annotations

from infra.settings import Settings
from registry.bootstrap import open_registry
from registry.lineage.service import Lineage


def open_lineage(settings: Settings) -> Lineage:
    """Return lineage on this installation's database; connects at the first use."""
    return Lineage(open_registry(settings))
