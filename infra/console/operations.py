"""Has the running platform carry out what a command changes, as whoever runs the command.

Where no platform runs and names are claims, the command carries it out itself, on the database.
Where names are proven it cannot: whoever has the database could else be anybody.
"""

from __future__ import annotations

import json
from typing import Any

from infra.console import views
from infra.console.actor import cli_caller
from infra.errors import ReportedError, UnavailableError
from infra.identity import credentials
from infra.identity.current import acting
from infra.web import own_servers

TIMEOUT_SECONDS = 120.0
_EXIT_CODES = {400: 2, 401: 1, 403: 1, 404: 2, 409: 3, 413: 2, 422: 2}


class NotRunningError(UnavailableError):
    """Changes go through the server, which is not running."""

    code = "infra.not_running"


class UnansweredError(UnavailableError):
    """The server was asked to change something and did not answer, so it may have done it."""

    code = "infra.unanswered"


def carry_out(component: str, name: str, /, **asked: object) -> Any:
    """Carry out a component's operation, and return its result as JSON values.

    Args:
        component: that offers it.
        name: of the operation.
        **asked: the operation's arguments, JSON values; None leaves one out.

    Raises:
        NotRunningError: names are proven, and no server runs that could.
        UnansweredError: it may or may not have been done.
        PlatformError: it was refused.
    """
    values = {key: value for key, value in asked.items() if value is not None}
    url = views.server_url()
    if url is not None:
        try:
            return _posted(url, f"{component}/{name}", values)
        except own_servers.NeverSentError:
            pass  # the server is starting or stopping
    return _here(component, name, values)


def _posted(url: str, path: str, values: dict[str, object]) -> Any:
    try:
        answer = own_servers.post(
            f"{url}/acgs/api/v1/operations/{path}",
            values,
            timeout_seconds=TIMEOUT_SECONDS,
            headers={"Authorization": credentials.authorization(url)},
        )
    except own_servers.NeverSentError:
        raise
    except own_servers.NoAnswerError as err:
        raise UnansweredError(
            f"expected an answer of {url}, found none: {err}; it may have been done",
            hint="look first (acgs audit log), then run the command again",
        ) from err
    try:
        found = answer.json()
        if answer.ok:
            return found["result"]
        status = _EXIT_CODES.get(answer.status, 3)
        error = ReportedError(found["error_code"], found["message"], found.get("hint"), status)
    except (json.JSONDecodeError, KeyError, TypeError) as err:
        raise UnansweredError(
            f"expected a JSON answer of {url}, found HTTP {answer.status}",
            hint="is another server on this port? acgs status",
        ) from err
    raise error


def _here(component: str, name: str, values: dict[str, object]) -> Any:
    from infra.component import components
    from infra.configuration import load_settings
    from infra.identity.settings import IdentitySettings

    settings = load_settings()
    if not settings.of(IdentitySettings).is_open:
        raise NotRunningError(
            "expected the running platform, which knows who asks, found none",
            hint="start it first: acgs up",
        )
    owner = next(found for found in components() if found.name == component)
    with acting(cli_caller()):
        return owner.operations(settings)[name](values)
