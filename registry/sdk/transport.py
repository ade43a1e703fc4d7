"""Calls the server, and raises its refusals as typed errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from infra.errors import (
    ConflictError,
    NotFoundError,
    PlatformError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
    UsageError,
)
from infra.identity.credentials import authorization
from infra.web.clients import new_client
from registry.domain.reasons import Reason
from registry.errors import GateClosedError, RequestPendingError

WAIT_SECONDS = 120.0
"""Longer than the server ever waits for a verdict."""

_PENDING_KEY = "acgs_request_id"
_REASONS_KEY = "acgs_reasons"
_KINDS: Mapping[int, type[PlatformError]] = {
    400: UsageError,
    401: UnauthenticatedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
}
_HINT = "\n  what to do:"
_REASON = "\n  1) "


class Transport:
    """JSON over HTTP to one server, in the name of one user.

    A credential in MLflow's environment variables comes before the name, which is a claim.
    """

    def __init__(self, url: str, user: str, timeout_seconds: float = WAIT_SECONDS) -> None:
        self.url = url
        self._user = user
        self._client = new_client(timeout_seconds)

    def get(self, *path: str, **query: Any) -> Any:
        """Read `/acgs/api/v1/<path>`; the parts are escaped.

        Raises:
            PlatformError: the server refused, by the nearest kind; see `infra.errors`.
        """
        given = {key: value for key, value in query.items() if value is not None}
        return self._send("GET", f"/acgs/api/v1/{_escaped(path)}", params=given).json()

    def get_picture(self, *path: str) -> str:
        """Read an SVG document below `/acgs/`."""
        return self._send("GET", f"/acgs/{_escaped(path)}").text

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON to a path of MLflow's own REST interface.

        Raises:
            GateClosedError: a rule said no; carries each reason.
            RequestPendingError: not decided yet; carries the request's number.
            PlatformError: any other refusal.
        """
        return self._send("POST", f"/api/2.0/mlflow/{path}", json=body).json()

    def carry_out(self, operation: str, asked: Mapping[str, Any]) -> Any:
        """Carry out one of the registry's operations, and return its result.

        Raises:
            GateClosedError: a rule said no; carries each reason.
            PlatformError: any other refusal.
        """
        given = {key: value for key, value in asked.items() if value not in (None, "")}
        path = f"/acgs/api/v1/operations/registry/{operation}"
        return self._send("POST", path, json=given).json()["result"]

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            answer = self._client.request(
                method,
                f"{self.url}{path}",
                headers={"Authorization": authorization(self.url, self._user)},
                **more,
            )
            if answer.is_error:
                _refuse(answer.status_code, answer.json())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as err:
            raise UnavailableError(
                f"expected the MLflow server on {self.url}, found no answer: {err}",
                hint="is the platform up? acgs status",
            ) from err
        return answer


def _escaped(path: Sequence[str]) -> str:
    for part in path:
        if "/" in part or part in {"", ".", ".."}:
            raise UsageError(f"expected a name without '/', found {part!r}")
    return "/".join(quote(part, safe="") for part in path)


def _refuse(status: int, answer: Mapping[str, Any]) -> NoReturn:
    message, _, after = str(answer.get("message", f"status {status}")).partition(_HINT)
    hint = answer.get("hint") or after.strip() or None
    if _PENDING_KEY in answer:
        raise RequestPendingError(message, int(answer[_PENDING_KEY]), machine=False)
    if _REASONS_KEY in answer:
        # The error writes its reasons under the first line by itself.
        reasons = [Reason(**reason) for reason in _reasons(answer[_REASONS_KEY])]
        raise GateClosedError(message.partition(_REASON)[0], reasons, hint=hint)
    kind = _KINDS.get(status, UnavailableError)
    raise kind(message, hint=hint)


def _reasons(value: Any) -> Sequence[Mapping[str, str]]:
    found: Sequence[Mapping[str, str]] = json.loads(value) if isinstance(value, str) else value
    return found
