"""The one root of every error the platform raises on purpose.

Each error says what was expected and what was found (`message`), what to do next (`hint`),
and carries a stable `code` that edges map to an HTTP status, an MLflow code or an exit code.
"""

from __future__ import annotations


class PlatformError(Exception):
    """Something the platform refuses or cannot do, told in a way a person can act on."""

    code = "infra.error"
    retriable = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  what to do: {self.hint}" if self.hint else self.message


class SettingsError(PlatformError):
    """A setting is unknown, malformed or contradicts another."""

    code = "infra.settings_invalid"


class UsageError(PlatformError):
    """The caller asked for something that cannot be meant."""

    code = "infra.usage"


class UnavailableError(PlatformError):
    """A service the platform needs did not answer; trying again may help."""

    code = "infra.unavailable"
    retriable = True


class PortInUseError(PlatformError):
    """A port the platform was told to listen on belongs to another process."""

    code = "infra.port_in_use"


class AlreadyRunningError(PlatformError):
    """A live run already owns this storage root."""

    code = "infra.already_running"


class NotFoundError(PlatformError):
    """What was named does not exist."""

    code = "infra.not_found"


class ConflictError(PlatformError):
    """The world changed between looking and acting; look again."""

    code = "infra.conflict"
    retriable = True


class RefusedError(PlatformError):
    """A rule said no. A normal outcome, with reasons."""

    code = "infra.refused"


def exit_code(error: PlatformError) -> int:
    """Map an error to the process exit code.

    Returns:
        1 refused by a rule, 2 wrong usage, 3 infrastructure (a retry may help).
    """
    if isinstance(error, RefusedError):
        return 1
    if isinstance(error, (UsageError, SettingsError, NotFoundError)):
        return 2
    return 3
