"""How long a dead process waits before it is started again."""

from __future__ import annotations

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_LAST_SECONDS = 30.0
HEALTHY_SECONDS = 60.0
"""A process that lived this long did not die at its start: its deaths are counted afresh."""


def backoff_seconds(deaths: int) -> float:
    """Return the pause after `deaths` >= 1 deaths in a row: doubling, capped."""
    # The exponent is capped too: two to the power of a week's deaths is no float.
    return float(min(BACKOFF_FIRST_SECONDS * 2 ** min(deaths - 1, 16), BACKOFF_LAST_SECONDS))
