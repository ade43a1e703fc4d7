"""Defines the errors of lineage."""

from __future__ import annotations

from infra.errors import NotFoundError, UsageError


class UnknownOriginError(NotFoundError):
    """There is no such dataset, commit, run or logged model."""

    code = "lineage.unknown_origin"


class OriginUnclearError(UsageError):
    """The given name matches several things, or nothing."""

    code = "lineage.origin_unclear"


class NothingServedError(NotFoundError):
    """No endpoint and no governed model has or had this name."""

    code = "lineage.nothing_served"
