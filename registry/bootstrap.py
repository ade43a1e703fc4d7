"""Puts the registry together; importing this opens nothing."""

from __future__ import annotations

from infra.db import open_engine
from infra.settings import Settings
from registry.service import Registry


def open_registry(settings: Settings) -> Registry:
    """Return the registry on this installation's database; connects at the first use."""
    return Registry(open_engine(settings.sqlalchemy_url), settings)
