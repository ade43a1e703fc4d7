"""Defines the errors of reading and rebuilding model files."""

from __future__ import annotations

from infra.errors import RefusedError


class FileRefusedError(RefusedError):
    """The model file contains something unknown, so no copy of it is made."""

    code = "registry.model_file_refused"


class MalformedError(Exception):
    """The bytes break their format or exceed a limit. Never leaves this package."""
