"""Understands what a query asks of the lineage: which version, how far, when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from infra.clock import utc_now
from infra.errors import UsageError
from registry.lineage.domain.moment import parse_moment
from registry.lineage.service import Lineage, VersionLineage
from registry.lineage.walk import MAX_STEPS, Reach

Asked = Mapping[str, str]
DIRECTIONS = ("both", "up", "down")


def of_version(lineage: Lineage, asked: Asked) -> VersionLineage:
    """Return the lineage of the version that `name` and `version` name; without one the newest's.

    Raises:
        UsageError: direction or depth are none.
    """
    return lineage.of_version(asked.get("name", ""), asked.get("version"), **_reaches(asked))


def moment_of(asked: Asked) -> datetime:
    """Return the moment in `at`; without one now.

    Raises:
        UsageError: it is no moment with a zone.
    """
    now = utc_now()
    text = asked.get("at")
    # An unescaped plus sign in a query means a space.
    return parse_moment(text.replace(" ", "+"), now) if text is not None else now


def _reaches(asked: Asked) -> dict[str, Reach | None]:
    direction, depth = asked.get("direction", "both"), asked.get("depth", str(MAX_STEPS))
    if direction not in DIRECTIONS:
        raise UsageError(f"expected direction={'|'.join(DIRECTIONS)}, found {direction[:40]!r}")
    if not (depth.isascii() and depth.isdigit() and len(depth) < 3 and 0 < int(depth) <= MAX_STEPS):
        raise UsageError(f"expected depth=1 to {MAX_STEPS}, found {depth[:40]!r}")
    reach = Reach(steps=int(depth), history=asked.get("history") == "true")
    return {
        "up": reach if direction != "down" else None,
        "down": reach if direction != "up" else None,
    }
