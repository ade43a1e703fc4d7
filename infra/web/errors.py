"""Errors for requests that no server of the platform accepts."""

from __future__ import annotations

from infra.errors import RefusedError, UnavailableError, UsageError


class BodyTooLargeError(UsageError):
    """A request's body is larger than the server accepts."""

    code = "infra.body_too_large"


class NestingTooDeepError(UsageError):
    """A JSON value or a message is nested deeper than any honest one."""

    code = "infra.nesting_too_deep"


class TooManyValuesError(UsageError):
    """A body has more values than any honest one, however few bytes each takes."""

    code = "infra.too_many_values"


class BodyEncodingError(UsageError):
    """A body is not packed in the way its content encoding says, or in no way a server reads."""

    code = "infra.body_encoding_invalid"


class HeaderRepeatedError(UsageError):
    """A request repeats a header that says how to read its body."""

    code = "infra.header_repeated"


class HostNotAllowedError(RefusedError):
    """A request names a host that is not this server's."""

    code = "infra.host_not_allowed"


class OriginNotAllowedError(RefusedError):
    """A browser sends a request for a page of a foreign origin."""

    code = "infra.origin_not_allowed"


class ServerFullError(UnavailableError):
    """A server has as many connections or request bodies as it may hold."""

    code = "infra.server_full"
