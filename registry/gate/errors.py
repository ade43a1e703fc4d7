"""Defines the errors of votes."""

from __future__ import annotations

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    RefusedError,
    UsageError,
)


class NoVerdictError(ConflictError):
    """Somebody approves before there is a verdict to approve by."""

    code = "registry.no_verdict"


class ShownChangedError(ConflictError):
    """What somebody approves is no longer what they were shown."""

    code = "registry.shown_changed"
    retriable = False


class NoScreenError(NotFoundError):
    """A vote has no screen that was kept."""

    code = "registry.no_screen"


class ScreenDamagedError(PlatformError):
    """A kept screen is missing, or is another than the one that the audit trail names."""

    code = "registry.screen_damaged"


class VoteRefusedError(RefusedError):
    """An approval would not count."""

    code = "registry.vote_refused"


class NoVoteError(ConflictError):
    """Somebody withdraws an approval that they did not give."""

    code = "registry.no_vote"
    retriable = False


class ReasonMissingError(UsageError):
    """A rejection or a comment says nothing."""

    code = "registry.reason_missing"


class DelegationRefusedError(RefusedError):
    """A vote cannot be lent so, or was not lent."""

    code = "registry.delegation_refused"
