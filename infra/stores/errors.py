"""Errors of an object store, one for each thing that a person can do about it."""

from __future__ import annotations

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)

from infra.errors import (
    ConflictError,
    NoAccessError,
    NotFoundError,
    PlatformError,
    UnavailableError,
    UsageError,
)


class StoreCredentialsError(NoAccessError):
    """The object store does not know the access key, or the secret is wrong or missing."""

    code = "infra.store_credentials"


class StoreDeniedError(NoAccessError):
    """The object store knows the user, but does not allow the request."""

    code = "infra.store_denied"


class BucketMissingError(NoAccessError):
    """The bucket does not exist, or no longer."""

    code = "infra.bucket_missing"


class ObjectMissingError(NotFoundError):
    """An object does not exist."""

    code = "infra.object_missing"


class ObjectNameError(UsageError):
    """The object store takes no object of such a name."""

    code = "infra.object_name"


class ObjectChangedError(ConflictError):
    """A conditional write found another object than the one expected."""

    code = "infra.object_changed"


class StoreFullError(UnavailableError):
    """The object store has no room left, or the bucket's quota is used up."""

    code = "infra.store_full"


class StoreUnreachableError(UnavailableError):
    """The object store did not answer, or is too busy to."""

    code = "infra.store_unreachable"


class StoreFailedError(NoAccessError):
    """The object store refused for a reason that no other error describes."""

    code = "infra.store_failed"


_CREDENTIALS = {
    "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken",
    "TokenRefreshRequired", "RequestTimeTooSkewed", "InvalidClientTokenId",
}  # fmt: skip
_NAME = {"KeyTooLongError", "XMinioInvalidObjectName", "XMinioInvalidResourceName"}
_DENIED = {"AccessDenied", "AllAccessDisabled", "403", "MethodNotAllowed", "InvalidObjectState"}
_FULL = {
    "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded", "InsufficientStorage",
    "XMinioObjectStorageFull", "507",
}  # fmt: skip
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412"}
_BUSY = {
    "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError",
    "RequestTimeout", "XMinioServerNotInitialized", "OperationAborted", "Throttling",
    "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException",
    "429", "500", "502", "503", "504",
}  # fmt: skip


def translate(error: ClientError | BotoCoreError, where: str) -> PlatformError:
    """Translate botocore's error into one that a person can act on.

    Args:
        error: what botocore raised.
        where: the bucket or object that was asked for, e.g. `s3://bucket/key`.
    """
    if isinstance(error, ClientError):
        return _refused(error, where)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return StoreCredentialsError(
            f"{where}: expected credentials in the environment or in ~/.aws, found {error}",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError):
        return StoreUnreachableError(
            f"{where}: the object store did not answer: {error}",
            hint="check that it runs and that MLFLOW_S3_ENDPOINT_URL names it; then try again",
        )
    return StoreFailedError(f"{where}: {error}", hint="check MLFLOW_S3_ENDPOINT_URL and AWS_*")


def _refused(error: ClientError, where: str) -> PlatformError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = error.response.get("Error", {}).get("Message") or code
    doing = error.operation_name
    if code in _CREDENTIALS:
        return StoreCredentialsError(
            f"{where}: the object store refused the credentials: {said} ({code})",
            hint="correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and this machine's clock",
        )
    if code in _FULL:
        return StoreFullError(
            f"{where}: the object store has no room: {said} ({code})",
            hint="free some space there or raise the bucket's quota; then try again",
        )
    if code == "NoSuchBucket" or (code == "404" and doing == "HeadBucket"):
        return BucketMissingError(
            f"{where}: expected its bucket, found that it does not exist",
            hint="make the bucket, or correct ACGS_ARTIFACT_ROOT",
        )
    if code in _NAME:
        return ObjectNameError(
            f"{where}: expected an object name that the store takes, found another: "
            f"{said} ({code})",
            hint="use a shorter name, each of its parts too, without backslashes, '.' and '..'",
        )
    if code == "NoSuchUpload":
        return ObjectMissingError(
            f"{where}: expected a multipart upload under way, found none of that id",
            hint="it was completed, aborted or never begun; begin the upload again",
        )
    if code in {"NoSuchKey", "NoSuchVersion", "404"}:
        return ObjectMissingError(f"{where}: expected an object, found none")
    if code in _CHANGED:
        return ObjectChangedError(f"{where}: expected no other writer, found one", hint="try again")
    if code in _DENIED:
        return StoreDeniedError(
            f"{where}: the object store does not allow {doing}: {said} ({code})",
            hint="let the platform's user list, read, write and delete there; see "
            "docs/how-to/use-postgresql-and-s3.md",
        )
    if code in _BUSY:
        return StoreUnreachableError(
            f"{where}: the object store could not {doing}: {said} ({code})", hint="try again"
        )
    return StoreFailedError(f"{where}: the object store refused {doing}: {said} ({code})")
