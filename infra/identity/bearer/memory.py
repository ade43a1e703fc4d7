"""Remembers whom a token was proven to be about, so that its signature is checked once.

The same bytes prove the same thing for as long as the key is its issuer's and the token has not
ended; both are looked at each time. Kept by hash: a dump of the memory shows no token.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.identity.bearer.keys import PublicKey
from infra.identity.principal import Principal

MOST = 2000


@dataclass(frozen=True, slots=True)
class Proven:
    """What was proven of a token.

    Attributes:
        kid: name of the key that signed it.
        key: that key; the same object as long as the issuer's keys were not read again.
        ends: seconds since the epoch, the leeway included.
    """

    principal: Principal
    kid: str
    key: PublicKey
    ends: float


@dataclass(slots=True)
class Memory:
    """The tokens that were proven last; threads may share it."""

    clock: Callable[[], float] = time.time
    _known: OrderedDict[bytes, Proven] = field(default_factory=OrderedDict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def find(self, token: str, key_of: Callable[[str], PublicKey | None]) -> Principal | None:
        """Return the principal of a token that still holds; None if it must be proven.

        Args:
            token: its text.
            key_of: returns the key of a name that counts now.
        """
        found = self._known.get(_hash(token))
        if found is None or self.clock() >= found.ends or key_of(found.kid) is not found.key:
            return None
        return found.principal

    def keep(self, token: str, proven: Proven) -> None:
        """Remember a token in place of the one that was proven longest ago."""
        with self._lock:
            self._known[_hash(token)] = proven
            while len(self._known) > MOST:
                self._known.popitem(last=False)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
