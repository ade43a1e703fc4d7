"""Defines `PlatformError`, the base of every error that the platform raises on purpose.

Each error says what was expected and what was found (`message`), what to do next (`hint`),
and carries a stable `code` that edges map to an HTTP status, an MLflow code or an exit code.
"""

from __future__ import annotations

import errno
import os


class PlatformError(Exception):
    """Something the platform refuses or cannot do, with what a person can do about it."""

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
    """The caller asked for something that makes no sense."""

    code = "infra.usage"


class UnavailableError(PlatformError):
    """A service the platform needs did not answer; trying again may help."""

    code = "infra.unavailable"
    retriable = True


class NoAccessError(PlatformError):
    """A store denies access or is missing, so nothing is known about its content.

    This proves nothing about an object or a file. Try again once access is granted.
    """

    code = "infra.no_access"


class PortInUseError(PlatformError):
    """Another process listens on a port that the platform needs."""

    code = "infra.port_in_use"


class AlreadyRunningError(PlatformError):
    """A live run already owns this storage root."""

    code = "infra.already_running"


class NotFoundError(PlatformError):
    """The named thing does not exist."""

    code = "infra.not_found"


class NotPreparedError(NotFoundError):
    """No platform was prepared where its database should be."""

    code = "infra.not_prepared"


class ConflictError(PlatformError):
    """The state changed between reading and writing; read it again."""

    code = "infra.conflict"
    retriable = True


class RefusedError(PlatformError):
    """A rule said no. A normal outcome, with reasons."""

    code = "infra.refused"


class UnauthenticatedError(PlatformError):
    """Nobody knows who is asking: no credential came, or one that does not hold."""

    code = "auth.refused"


class ReportedError(PlatformError):
    """An error that another platform process reported, with its code and exit code."""

    def __init__(self, code: str, message: str, hint: str | None, status: int) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status


_STORAGE_HINTS = {
    errno.ENOSPC: "free some space there, then try again",
    errno.EDQUOT: "free some space there, or have the quota raised; then try again",
    errno.EROFS: "choose a folder on a file system that may be written",
    errno.EACCES: "choose a folder you may write to, or have its owner let you",
    errno.EPERM: "choose a folder you may write to, or have its owner let you",
    errno.ENOENT: "make the folder first, or correct the path",
    errno.ENOTDIR: "a part of the path is a file: correct the path",
    errno.EISDIR: "the path is a folder: name a file",
}
_LOCAL = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM}
"""These errors mean something to a person only together with a path."""


def storage_error(error: OSError, root: str | os.PathLike[str]) -> UnavailableError | None:
    """Translate a file system's error into one a person can act on; None for other errors.

    Args:
        error: what the system said.
        root: folder to name if the error names no file, as for a full disk.
    """
    hint = _STORAGE_HINTS.get(error.errno or 0)
    if hint is None or (error.filename is None and error.errno in _LOCAL):
        return None
    where = error.filename if isinstance(error.filename, str) else os.fspath(root)
    return UnavailableError(f"cannot use {where}: {error.strerror}", hint=hint)


def exit_code(error: PlatformError) -> int:
    """Map an error to the process exit code.

    Returns:
        1 refused by a rule, 2 wrong usage, 3 infrastructure (a retry may help).
    """
    if isinstance(error, ReportedError):
        return error.status
    if isinstance(error, (RefusedError, UnauthenticatedError)):
        return 1
    if isinstance(error, (UsageError, SettingsError, NotFoundError)):
        return 2
    return 3
