"""Reads a component's views from the running platform, else from the database.

A server has the database open and every library loaded, and answers in some ten milliseconds. A
process that opens the database itself first loads SQLAlchemy and the registry: nearly a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra.errors import ReportedError
from infra.identity import credentials
from infra.processes import running
from infra.processes.exposition import PAGE
from infra.setting_errors import expanded
from infra.web import own_servers

TIMEOUT_SECONDS = 5.0
_EXIT_CODES = {400: 2, 401: 1, 403: 1, 404: 2}
_UNAUTHENTICATED = 401
_NO_VIEW = "infra.not_found"


class _UnknownCallerError(ReportedError):
    """The server does not know who asks."""


def read(component: str, name: str, /, **asked: object) -> Any:
    """Return a component's view as JSON values.

    Args:
        component: that offers it.
        name: of the view.
        **asked: the view's arguments; None leaves one out.

    Raises:
        PlatformError: the view cannot be read, or what is asked for does not exist.
    """
    texts = {key: str(value) for key, value in asked.items() if value is not None}
    url = server_url()
    # A server gives a page at once; more than that is read from the database.
    if url is not None and int(texts.get("limit", PAGE)) <= PAGE:
        try:
            return _told(
                f"{url}/acgs/api/v1/views/{component}/{name}",
                texts,
                credentials.reading(url, _root()),
            )
        except own_servers.NoAnswerError:
            pass  # the server is starting or stopping; the database can be read all the same
        except _UnknownCallerError:
            pass  # whoever may read the database's file needs no name to read it
    return _view(component, name)(texts)


def read_with(authorization: str, component: str, name: str, /) -> Any:
    """Return a view as the running server answers it to a credential; never from the database.

    Raises:
        NoAnswerError: no server answers.
        PlatformError: the server does not take the credential.
    """
    url = server_url()
    if url is None:
        raise own_servers.NoAnswerError("no platform runs")
    return _told(f"{url}/acgs/api/v1/views/{component}/{name}", {}, authorization)


def server_url() -> str | None:
    """Return the live platform's URL, as its supervisor recorded it in the storage root."""
    owner = running.live_supervisor(_root())
    if owner is None:
        return None
    host, port = owner.flags.get("ACGS_HOST"), owner.flags.get("ACGS_REGISTRY_PORT")
    return f"http://{host}:{port}" if host and port else None


def _root() -> Path:
    return expanded(os.environ.get("MLOPS_STORAGE_ROOT") or ".acgs").absolute()


def _told(url: str, asked: Mapping[str, str], authorization: str) -> Any:
    answer = own_servers.get(
        f"{url}?{urlencode(asked)}" if asked else url,
        timeout_seconds=TIMEOUT_SECONDS,
        headers={"Authorization": authorization},
    )
    try:
        found = answer.json()
        if answer.ok:
            return found["view"]
        status = _EXIT_CODES[answer.status]
        kind = _UnknownCallerError if answer.status == _UNAUTHENTICATED else ReportedError
        error = kind(found["error_code"], found["message"], found["hint"], status)
    except (json.JSONDecodeError, KeyError, TypeError) as err:
        raise own_servers.NoAnswerError(f"HTTP {answer.status}") from err
    if error.code == _NO_VIEW:
        raise own_servers.NoAnswerError("a server that does not know the view")
    raise error


def _view(component: str, name: str) -> Any:
    from infra.component import components
    from infra.configuration import load_settings

    owner = next(found for found in components() if found.name == component)
    return owner.views(load_settings())[name]
