"""Lends votes and takes them back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.clock import utc_now
from infra.component import Operation
from infra.errors import UsageError
from infra.operation_arguments import Asked, flag, no_others, number, text, texts
from registry.access.permitted import heard, owner
from registry.bootstrap import Registry
from registry.gate.delegations import Wish
from registry.views.people import delegation_view

_MOST_NAMES = 100


def operations(registry: Registry) -> Mapping[str, Operation]:
    """Return the operations on delegations."""
    return {
        "delegate": lambda asked: _delegate(registry, asked),
        "revoke_delegation": lambda asked: _revoke(registry, asked),
    }


def _delegate(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "to", "names", "role", "until", "dry_run")
    names = texts(asked, "names")
    if not 1 <= len(names) <= _MOST_NAMES or max(map(len, names)) > 256:
        raise UsageError(
            f"expected names as 1 to {_MOST_NAMES} patterns of at most 256 characters, found "
            f"{len(names)}",
            hint="--name 'credit-*'",
        )
    wish = Wish(
        text(asked, "to", longest=200), names, text(asked, "role", "", longest=64), _until(asked)
    )
    # Whether there is a vote to lend, the roles say.
    callers = [heard(registry.access, name) for name in names]
    lent = registry.delegations.lend(callers[0], wish, utc_now(), dry_run=flag(asked, "dry_run"))
    return delegation_view(lent)


def _revoke(registry: Registry, asked: Asked) -> dict[str, Any]:
    no_others(asked, "id", "dry_run")
    return delegation_view(
        registry.delegations.revoke(
            owner(), number(asked, "id"), utc_now(), dry_run=flag(asked, "dry_run")
        )
    )


def _until(asked: Asked) -> datetime:
    found = text(asked, "until", longest=64)
    try:
        until = datetime.fromisoformat(found)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise UsageError(
            f"expected until as a time with its offset from UTC, found {found!r}",
            hint="such as 2026-12-24T18:00+01:00",
        )
    return until.astimezone(UTC)
