"""Artifact keeping as its command line, its role and its metrics see it."""

from __future__ import annotations

from registry.artifacts.usage import Accounting


class Artifacts(Accounting):
    """Every use case: statements, replica, scrub, repair, retention, usage."""
