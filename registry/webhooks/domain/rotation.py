"""Decides which secrets sign a delivery while a secret is changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """A subscription's secret, and the one that takes over at `switch_ms`, both sealed.

    Until then both sign, so that a receiver can change its own at any moment in between.
    """

    current: str
    next: str | None = None
    switch_ms: int | None = None

    def at(self, now_ms: int) -> SealedSecrets:
        """Return the secrets at a moment: the next one is the current one after the switch."""
        if self.next is None or self.switch_ms is None or now_ms < self.switch_ms:
            return self
        return SealedSecrets(self.next)
