"""Defines the errors of artifact keeping."""

from __future__ import annotations

from infra.errors import NotFoundError, PlatformError, RefusedError, UsageError


class StatementInvalidError(RefusedError):
    """A statement is missing, forged, about other files, or signed by an untrusted key."""

    code = "artifacts.statement_invalid"


class FilesDifferError(RefusedError):
    """The files are not those that were signed or registered."""

    code = "artifacts.files_differ"


class SigningKeyError(PlatformError):
    """A key cannot be read, or is of another kind."""

    code = "artifacts.signing_key"


class NoManifestError(NotFoundError):
    """A version's files could not be read at registration, so it has no manifest."""

    code = "artifacts.no_manifest"


class ReplicaError(PlatformError):
    """The replica does not hold what it should."""

    code = "artifacts.replica"


class ReplicaMissingError(UsageError):
    """No replica is set up."""

    code = "artifacts.no_replica"
