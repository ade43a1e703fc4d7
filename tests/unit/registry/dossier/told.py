"""Events for tests of what is told from them."""

from __future__ import annotations

from itertools import count
from typing import Any

from registry.dossier.domain.logged_event import LoggedEvent

FILES = "sha256:" + "ab" * 32
_numbers = count()


def event(type: str, name: str = "credit", version: int | None = None, **more: Any) -> LoggedEvent:
    """Return an event with the next number of the log; `data` of it are the other arguments."""
    number = next(_numbers)
    request_id, actor = more.pop("request_id", None), more.pop("actor", "acgs")
    principal = more.pop("principal", {})
    return LoggedEvent(
        number, f"u{number}", type, name, version, request_id, actor, number, more, principal
    )


def registered(version: int, semver: str, **more: Any) -> LoggedEvent:
    given = {"uid": f"uid-{semver}", "manifest_digest": FILES, **more}
    return event("model_version.created", version=version, semver=semver, **given)
