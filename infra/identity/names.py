"""Checks the name and the groups that a source gives a caller."""

from __future__ import annotations

from collections.abc import Iterable

from infra.identity.errors import NameUnusableError
from infra.identity.principal import ANONYMOUS, is_visible, name_key

LONGEST_NAME = 200
"""In characters: the audit trail keeps 256 of a name and its place."""
MOST_GROUPS = 256
LONGEST_GROUP = 256
SERVICE = "service:"
"""Begins the name by which MLflow knows a service."""
PLATFORM = "acgs"
"""Name of the platform's own acts, which no caller may have."""
_RESERVED = frozenset({name_key(ANONYMOUS), name_key(PLATFORM)})


def check_text(name: str, what: str = "name", longest: int = LONGEST_NAME) -> str:
    """Return a text that people can read as it is compared.

    Raises:
        NameUnusableError: it is empty, too long, or holds characters that do not show.
    """
    if not name.strip() or len(name) > longest:
        found = f"{len(name)} characters" if name.strip() else "none"
        raise NameUnusableError(
            f"expected a {what} of 1 to {longest} characters, found {found}",
            hint=f"have the {what} shortened where it is kept",
        )
    if not all(map(is_visible, name)) or name != " ".join(name.split()):
        raise NameUnusableError(
            f"expected a {what} of characters that show, found {name!a}"[:300],
            hint=f"have the {what} written again where it is kept",
        )
    return name


def check_proven(name: str) -> str:
    """Return a name that was proven; besides `check_text`, none that is reserved.

    Raises:
        NameUnusableError: the name cannot be a caller's.
    """
    key = name_key(check_text(name))
    # MLflow knows a service by that name: a person of it would have the service's rights there.
    if key in _RESERVED or key.startswith(SERVICE):
        raise NameUnusableError(
            f"expected a caller's own name, found {name!r}, which is reserved",
            hint="give the caller another name where it is kept",
        )
    return name


def check_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Return groups in their order, each once.

    Raises:
        NameUnusableError: one is no name, or there are too many.
    """
    found = tuple(dict.fromkeys(check_text(group, "group", LONGEST_GROUP) for group in groups))
    if len(found) > MOST_GROUPS:
        raise NameUnusableError(
            f"expected at most {MOST_GROUPS} groups, found {len(found)}",
            hint="have only the groups sent that this server needs",
        )
    return found
