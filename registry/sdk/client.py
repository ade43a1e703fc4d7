"""Asks the governed registry, for notebooks and scripts."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.errors import SettingsError, UsageError
from infra.identity.os_user import os_user
from registry.domain.values import Stage
from registry.errors import GateClosedError, RequestPendingError
from registry.sdk.diff import Diff, diff_of
from registry.sdk.lineage import Lineage, Serving, served_of
from registry.sdk.transport import Transport
from registry.sdk.values import (
    Change,
    Explanation,
    Listing,
    Request,
    Version,
    history_of,
    reasons_of,
    versions_of,
)

_POLL_SECONDS = 0.5
_PAGE = 1000


class VersionStandingWarning(UserWarning):
    """A requested version is deprecated or yanked."""


class GovernedClient:
    """Client of one governed registry; safe to share between threads.

    A version is named as on the command line after the `@`: `1.2.0`, a range (`latest`, `1.x`),
    MLflow's number, an alias or a stage.
    Every method raises `UnavailableError` when the server does not answer, and
    `UnknownVersionError`'s base `NotFoundError` for a model or version that is not there.
    """

    def __init__(self, tracking_uri: str | None = None, *, user: str | None = None) -> None:
        """Set the server's address; opens nothing.

        Args:
            tracking_uri: the MLflow server's address; None means `MLFLOW_TRACKING_URI`.
            user: who asks, for the audit trail; None means the user of this process.

        Raises:
            SettingsError: no address was given.
        """
        url = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "")
        if not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"expected the address of an MLflow server, found {url or 'none'}",
                hint='GovernedClient("http://127.0.0.1:5000"), or set MLFLOW_TRACKING_URI',
            )
        self._http = Transport(url.rstrip("/"), user or os_user())

    def __repr__(self) -> str:
        return f"GovernedClient({self._http.url!r})"

    def versions(self, name: str, limit: int = 50) -> Listing[Version]:
        """Return live versions of a model, newest first.

        Args:
            name: registered model.
            limit: at most so many, 1 to 1,000.
        """
        views = self._http.get("models", name, "versions", limit=limit)["versions"]
        return versions_of(name, views)

    def version(self, name: str, version: str | int) -> Version:
        """Return one version; warns if it is deprecated or yanked."""
        found = self._explain(name, version)
        _warn_of(found.version)
        return found.version

    def explain(self, name: str, version: str | int) -> Explanation:
        """Explain where a version stands: its verdict, its requests and its blockers.

        Warns of one that is deprecated or yanked.
        """
        found = self._explain(name, version)
        _warn_of(found.version)
        return found

    def _explain(self, name: str, version: str | int) -> Explanation:
        view = self._http.get("models", name, "versions", _spec(version))
        return Explanation(
            version=Version.of(view["version"]),
            requests=tuple(Request.of(request) for request in view["requests"]),
            held_by=reasons_of(view["held_by"]),
        )

    def history(self, name: str, version: str | int | None = None) -> Listing[Change]:
        """Return the events of a model, or of one version, oldest first."""
        number = self.version(name, version).number if version is not None else None
        found, after = [], 0
        while True:
            page = self._http.get("events", name=name, after=after)["events"]
            found += [view for view in page if number is None or view["version"] == number]
            if len(page) < _PAGE:
                return history_of(name, found)
            after = page[-1]["id"]

    def diff(
        self, name: str, first: str | int, second: str | int, *, other: str | None = None
    ) -> Diff:
        """Return every difference from a version to a second one.

        Args:
            name: registered model of the first, and of the second unless `other` names its.
            first: the one to start from.
            second: the one to go to.
            other: model of the second.
        """
        path = ("models", name, "versions", _spec(first), "diff")
        return diff_of(self._http.get(*path, to=_spec(second), other=other))

    def bom(self, name: str, version: str | int) -> Mapping[str, Any]:
        """Return the bill of materials as CycloneDX 1.6 JSON values."""
        found: Mapping[str, Any] = self._http.get("models", name, "versions", _spec(version), "bom")
        return found

    def lineage(self, name: str, version: str | int) -> Lineage:
        """Return where a version comes from and what was made from it."""
        view = self._http.get("lineage", name, _spec(version))
        picture = self._http.get_picture("lineage", name, _spec(version), "picture.svg")
        return Lineage.of(view, picture)

    def served(self, endpoint: str, at: datetime | str | None = None) -> Listing[Serving]:
        """Return what served at a moment, with its share of the traffic; empty when nothing did.

        Args:
            endpoint: where, or the name of a model without one.
            at: with its offset from UTC, e.g. `2026-11-24T12:00Z`; None means now.
        """
        when = at.isoformat() if isinstance(at, datetime) else at
        return served_of(self._http.get("served", endpoint, at=when))

    def promote(
        self,
        name: str,
        version: str | int,
        to: str = "Production",
        *,
        wait_seconds: float = 0.0,
    ) -> Version:
        """Ask for a version to move to a stage, through the gate.

        Args:
            name: registered model.
            version: which of its versions.
            to: `Staging` or `Production`.
            wait_seconds: how much longer to wait where people must approve, beyond what the
                server waits for its own verdict.

        Returns:
            The version where it now stands.

        Raises:
            UsageError: there is no such stage.
            GateClosedError: refused; `reasons` has each failed rule.
            RequestPendingError: not decided yet; `request_id` names the request.
        """
        if Stage.parse(to) is None:
            raise UsageError(f"expected a stage among {', '.join(Stage)}, found {to!r}")
        number = self.version(name, version).number
        body = {"name": name, "version": str(number), "stage": to}
        try:
            self._http.post("model-versions/transition-stage", body)
        except RequestPendingError as err:
            self._wait(err, wait_seconds)
        return self.version(name, number)

    def request(self, request_id: int) -> Request:
        """Return one request with its outcome, seats, votes and comments."""
        return Request.of(self._http.get("requests", str(request_id)))

    def approve(
        self,
        request: int | Request,
        comment: str = "",
        *,
        lender: str | None = None,
        withdraw: bool = False,
    ) -> Request:
        """Approve a request, or take your approval back.

        Args:
            request: its number, or the request as you looked at it: then the approval is refused if
                what there is to approve changed since.
            comment: for those who read it later.
            lender: the person who lent you the vote.
            withdraw: take back what you approved instead.

        Raises:
            RefusedError: you may not approve it, or your approval would not count.
            ConflictError: it is decided, not judged yet, or what you looked at changed.
            GateClosedError: it was approved, and is refused all the same.
        """
        if withdraw:
            if comment or lender:
                raise UsageError("expected withdraw alone, found it with a comment or a lender")
            return self._say("withdraw_approval", request)
        shown = request.shown if isinstance(request, Request) else None
        return self._say("approve", request, **{"comment": comment, "for": lender, "shown": shown})

    def reject(self, request: int | Request, reason: str) -> Request:
        """Reject a request, which refuses it."""
        return self._say("reject", request, comment=reason)

    def comment(self, request: int | Request, text: str) -> Request:
        """Comment on an open request without a vote."""
        return self._say("comment", request, comment=text)

    def _say(self, operation: str, request: int | Request, **more: str | None) -> Request:
        number = request.id if isinstance(request, Request) else request
        return Request.of(self._http.carry_out(operation, {"id": number, **more}))

    def _wait(self, pending: RequestPendingError, wait_seconds: float) -> None:
        """Return once the request is granted.

        Raises:
            GateClosedError: it was refused or cancelled.
            RequestPendingError: it is still open when time runs out.
        """
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            found = self.request(pending.request_id)
            if found.state == "granted":
                return
            if found.state != "open":
                raise GateClosedError(f"{found}:", found.reasons)
            time.sleep(_POLL_SECONDS)
        raise pending


def _warn_of(version: Version) -> None:
    if version.standing != "active":
        warnings.warn(
            f"{version} is {version.standing}: {version.standing_reason}",
            VersionStandingWarning,
            stacklevel=3,  # where the client's method was called
        )


def _spec(version: str | int) -> str:
    if not isinstance(version, str | int) or isinstance(version, bool):
        raise UsageError(f"expected a version such as '1.2.0', 3 or 'champion', found {version!r}")
    return str(version)
