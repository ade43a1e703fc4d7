"""Defines the errors of the registry."""

from __future__ import annotations

from collections.abc import Sequence

from infra.errors import ConflictError, NotFoundError, PlatformError, RefusedError
from registry.domain.reasons import Reason, causes


class GateClosedError(RefusedError):
    """A rule refused a governed change."""

    code = "registry.gate_closed"

    def __init__(self, what: str, reasons: Sequence[Reason], *, hint: str | None = None) -> None:
        # Numbered, because MLflow's UI shows the text as one paragraph.
        lines = "".join(f"\n  {n}) {cause}." for n, cause in enumerate(causes(reasons), start=1))
        super().__init__(f"{what}{lines}", hint=hint)
        self.reasons = tuple(reasons)


class RequestPendingError(PlatformError):
    """The request is recorded but not decided yet; nothing was changed."""

    code = "registry.request_pending"
    retriable = True

    def __init__(self, message: str, request_id: int, *, machine: bool) -> None:
        super().__init__(message, hint=f"acgs request wait {request_id}")
        self.request_id = request_id
        self.machine = machine


class ReservedTagError(RefusedError):
    """Only the platform writes tags under `acgs.`."""

    code = "registry.reserved_tag"


class UnknownVersionError(NotFoundError):
    """There is no such model or version."""

    code = "registry.unknown_version"


class NotAdoptedError(ConflictError):
    """Versions that plain MLflow registered have no record yet, and this call needs one."""

    code = "registry.not_adopted"
    retriable = True


class UnknownRequestError(NotFoundError):
    """There is no such request."""

    code = "registry.unknown_request"


class RequestClosedError(ConflictError):
    """The request is already decided."""

    code = "registry.request_closed"
    retriable = False


class OwnVersionError(RefusedError):
    """The person who asked for a move, or registered the version, approves it."""

    code = "registry.own_version"


class OthersRequestError(RefusedError):
    """Somebody withdraws a request that another person made."""

    code = "registry.others_request"


class VersionYankedError(ConflictError):
    """The version was yanked while its grant was carried out."""

    code = "registry.version_yanked"


class UnknownEndpointError(NotFoundError):
    """There is no such endpoint or rollout."""

    code = "registry.unknown_endpoint"


RESTORE = "restore the files from a backup or a replica, or register the model again"


class ArtifactError(PlatformError):
    """A version's files are missing, or are not those registered."""

    code = "registry.artifact_invalid"


class NestingError(ArtifactError):
    """A model's folders or documents are nested too deep or too large to be read."""

    code = "registry.artifact_nesting"

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="log the model again with MLflow, which nests far less")
