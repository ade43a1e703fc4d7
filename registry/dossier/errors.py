"""Errors of dossiers."""

from __future__ import annotations

from infra.errors import ConflictError, NotFoundError, RefusedError, UsageError


class NotProvenError(RefusedError):
    """A dossier is not what was signed, or says what its evidence does not."""

    code = "dossier.not_proven"


class NotSignedYetError(ConflictError):
    """The audit log has no checkpoint yet that covers the events a dossier is told from."""

    code = "dossier.not_signed_yet"


class NothingThenError(NotFoundError):
    """The audit trail knows no such version at that time."""

    code = "dossier.nothing_then"


class TimeInvalidError(UsageError):
    """A time is not written as RFC 3339 requires, or lies in the future."""

    code = "dossier.time_invalid"
