"""Defines the errors of version files."""

from __future__ import annotations

from infra.errors import UsageError


class SourceRefusedError(UsageError):
    """A version's source cannot be one model's own folder."""

    code = "registry.source_refused"
