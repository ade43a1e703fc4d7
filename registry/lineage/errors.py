"""What lineage cannot find or read."""

from __future__ import annotations

from infra.errors import NotFoundError, UsageError


class UnknownOriginError(NotFoundError):
    """No such dataset, commit, run or logged model."""

    code = "lineage.unknown_origin"


class OriginUnclearError(UsageError):
    """What was named could be several things, or nothing."""

    code = "lineage.origin_unclear"


class NothingServedError(NotFoundError):
    """No endpoint and no governed model has, or had, this name."""

    code = "lineage.nothing_served"
