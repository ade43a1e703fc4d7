"""Errors of compliance."""

from __future__ import annotations

from infra.errors import RefusedError


class ConstitutionError(RefusedError):
    """The constitution cannot be read, or is not the one that was locked."""

    code = "compliance.constitution_invalid"


class EvidenceError(RefusedError):
    """The evidence catalogue or a dataset it names cannot be used."""

    code = "compliance.evidence_invalid"


class SandboxError(RefusedError):
    """A model failed while it was scanned, loaded or asked for predictions."""

    code = "compliance.model_failed"
