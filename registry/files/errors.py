"""What is refused of a version's files."""

from __future__ import annotations

from infra.errors import UsageError


class SourceRefusedError(UsageError):
    """A version's source is no folder that could be a model's own."""

    code = "registry.source_refused"
