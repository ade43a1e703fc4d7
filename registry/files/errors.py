"""Defines the errors of version files."""

from __future__ import annotations

from infra.errors import UsageError


class LocationRefusedError(UsageError):
    """Files would be kept outside the artifact roots, or among the platform's own."""

    code = "registry.location_refused"


class SourceRefusedError(UsageError):
    """A version's source cannot be one model's own folder."""

    code = "registry.source_refused"
