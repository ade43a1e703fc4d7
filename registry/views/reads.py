"""Reads what the command line and HTTP show of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.component import View
from infra.errors import UsageError
from infra.identity.current import current_caller
from infra.operation_arguments import MAX_NUMBER
from registry.access.domain.verbs import Verb
from registry.access.permitted import permitted
from registry.domain.values import CHAMPION, RequestState
from registry.errors import UnknownRequestError, UnknownVersionError
from registry.views import access
from registry.views.people import delegation_view, screen_view, whole_request_view
from registry.views.records import event_view, request_view, version_view
from registry.views.versions import brief_view, comparison_view, diff_view

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry
    from registry.domain.records import VersionRecord

Asked = Mapping[str, str]


def views(settings: Settings) -> Mapping[str, View]:
    """Return the registry's views; nothing is opened until the first is read."""
    from registry.bootstrap import open_registry

    registry = open_registry(settings)
    return {
        "models": lambda asked: models(registry, asked),
        "model": lambda asked: model(registry, asked),
        "versions": lambda asked: versions(registry, asked),
        "version": lambda asked: version(registry, asked),
        "comparison": lambda asked: comparison(registry, asked),
        "diff": lambda asked: diff(registry, asked),
        "bom": lambda asked: bom(registry, asked),
        "requests": lambda asked: requests(registry, asked),
        "request": lambda asked: request(registry, asked),
        "screen": lambda asked: screen(registry, asked),
        "delegations": lambda _asked: delegations(registry),
        "events": lambda asked: events(registry, asked),
        **access.views(registry),
    }


def number(asked: Asked, name: str, otherwise: int) -> int:
    """Read the number in a query parameter.

    Raises:
        UsageError: it is none that a database holds.
    """
    text = asked.get(name)
    if text is None:
        return otherwise
    # Compared as text first: Python reads no number of more than 4300 digits.
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER))
    if not digits or int(text) > MAX_NUMBER:
        raise UsageError(f"expected {name}=0 to {MAX_NUMBER}, found {text[:40]!r}")
    return int(text)


def _limit(asked: Asked) -> int:
    return number(asked, "limit", 1000)


def models(registry: Registry, asked: Asked) -> list[dict[str, Any]]:
    """Return models with their champion and newest version, by name."""
    return [
        {
            "name": found.name,
            CHAMPION: found.champion,
            "newest": found.newest,
            "versions": found.versions,
        }
        for found in registry.versions.models(asked.get("after", ""), _limit(asked))
    ]


def model(registry: Registry, asked: Asked) -> list[dict[str, Any]]:
    """Return versions of a model with their newest verdicts, newest first.

    Raises:
        UnknownVersionError: it has none.
    """
    name, below = asked.get("name", ""), number(asked, "below", MAX_NUMBER)
    found = registry.versions.versions(name, below=below, limit=_limit(asked))
    if not found:
        raise UnknownVersionError(
            f"no model {name} is registered with a version", hint="acgs model list"
        )
    return [version_view(registry, record) for record in found]


def versions(registry: Registry, asked: Asked) -> list[dict[str, Any]]:
    """Return versions of a model in brief, newest first, with pre-releases and deleted ones."""
    before = number(asked, "before", 0) or None
    found = registry.versions.version_page(asked.get("name", ""), _limit(asked), before)
    return [brief_view(listed) for listed in found]


def version(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return one version, by any of its names."""
    record = registry.versions.find_version(asked.get("name", ""), asked.get("version", ""))
    return version_view(registry, record)


def comparison(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return how two versions relate: `name`, `version` with `other` (else `name`), `to`."""
    first, second = _two(registry, asked)
    return comparison_view(first, second, registry.comparison.compare(first, second))


def diff(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return every difference between two versions, named as for `comparison`."""
    first, second = _two(registry, asked)
    compared = registry.comparison.compare(first, second)
    return diff_view(first, second, compared, registry.comparison.diff(first, second))


def _two(registry: Registry, asked: Asked) -> tuple[VersionRecord, VersionRecord]:
    name = asked.get("name", "")
    return (
        registry.versions.find_version(name, asked.get("version", "")),
        registry.versions.find_version(asked.get("other") or name, asked.get("to", "")),
    )


def bom(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return a version's bill of materials (CycloneDX 1.6)."""
    found = registry.versions.find_version(asked.get("name", ""), asked.get("version", ""))
    return registry.comparison.bill(found)


def requests(registry: Registry, asked: Asked) -> list[dict[str, Any]]:
    """Return requests, oldest first."""
    state = RequestState.OPEN if asked.get("state") == RequestState.OPEN else None
    found = registry.gate.requests(
        asked.get("name"), state=state, after_id=number(asked, "after", 0), limit=_limit(asked)
    )
    return [request_view(item) for item in found]


def request(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return one request with its decision, seats, votes and comments.

    Raises:
        UnknownRequestError: there is none of that number.
    """
    if "id" not in asked:
        raise UnknownRequestError("expected the number of a request, found none")
    return whole_request_view(registry, registry.gate.get_request(number(asked, "id", 0)))


def screen(registry: Registry, asked: Asked) -> dict[str, Any]:
    """Return what somebody was shown when they voted: `id` of the request, `vote` its number.

    Raises:
        AccessDeniedError: the caller may not read the model.
        NoScreenError: there is no such vote, or what was shown was not kept.
        ScreenDamagedError: somebody changed what was kept.
    """
    found = registry.gate.get_request(number(asked, "id", 0))
    if current_caller() is not None:
        # A command that reads the database itself has a caller too; only the platform has none.
        permitted(registry.access, Verb.READ, found.judged_as)
    return screen_view(found, *registry.screens.of_vote(found, number(asked, "vote", 0)))


def delegations(registry: Registry) -> list[dict[str, Any]]:
    """Return the votes that people lent, newest first."""
    return [delegation_view(lent) for lent in registry.delegations.every()]


def events(registry: Registry, asked: Asked) -> list[dict[str, Any]]:
    """Return who did what, oldest first."""
    found = registry.audit.events(number(asked, "after", 0), asked.get("name"), _limit(asked))
    return [event_view(event) for event in found]
