"""Errors of the provable audit log."""

from __future__ import annotations

from infra.errors import PlatformError, RefusedError, UnavailableError, UsageError


class NotProvenError(RefusedError):
    """The files, or the database beside them, are not what was signed."""

    code = "audit.not_proven"


class MalformedError(UsageError):
    """A key, note, checkpoint or proof does not have its form."""

    code = "audit.malformed"


class LogBrokenError(PlatformError):
    """The audit log and the database contradict each other, so nothing more is signed."""

    code = "audit.log_broken"


class WitnessRefusedError(PlatformError):
    """The witness does not cosign: what it remembers of the log contradicts the checkpoint."""

    code = "audit.witness_refused"


class WitnessAwayError(UnavailableError):
    """The witness does not answer, so checkpoints are not cosigned."""

    code = "audit.witness_away"
