"""Fetches an issuer's keys and keeps them for a time, through rotations and short absences.

Keys are looked for again in the background once half their time is over, and at once for a token
that names an unknown one, though not more often than every few seconds: tokens that name invented
keys cost the issuer next to nothing. Keys that could not be renewed in their time count no longer.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.identity.bearer.errors import UnknownKeyError
from infra.identity.bearer.keys import KeysUnreadableError, PublicKey, read_keys
from infra.identity.errors import IdentitySettingsError, IdentitySourceError
from infra.identity.open_mode import is_loopback

FETCH_SECONDS = 3.0
RETRY_SECONDS = 5.0
LARGEST_BYTES = 1 << 20

Fetch = Callable[[], bytes]
"""Returns a JWKS document; raises OSError, `httpx.HTTPError` or `KeysUnreadableError`."""

_logger = logging.getLogger(__name__)


def fetcher(location: str) -> Fetch:
    """Return what reads a JWKS from an https:// URL, an http:// one on loopback, or a file.

    Raises:
        IdentitySettingsError: others could change the keys on their way.
    """
    parts = urlsplit(location)
    if parts.scheme in {"http", "https"}:
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise IdentitySettingsError(
                "expected ACGS_JWT_JWKS to be an https:// address, or an http:// one of this "
                f"machine, found {location[:200]!r}",
                hint="use the issuer's https:// address, or copy its keys into a file",
            )
        # Made once: its context of certificates takes 20 ms of processor time.
        client = httpx.Client(
            timeout=FETCH_SECONDS, trust_env=False, verify=ssl.create_default_context()
        )
        return lambda: _get(client, location)
    return lambda: _read(Path(location))


def _get(client: httpx.Client, url: str) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    deadline = time.monotonic() + FETCH_SECONDS
    with client.stream("GET", url, headers={"accept": "application/json"}) as answer:
        if answer.status_code != httpx.codes.OK:
            raise KeysUnreadableError(f"expected status 200, found {answer.status_code}")
        for chunk in answer.iter_bytes():
            size_bytes += len(chunk)
            if size_bytes > LARGEST_BYTES or time.monotonic() > deadline:
                raise KeysUnreadableError(
                    f"expected at most {LARGEST_BYTES} bytes in {FETCH_SECONDS:g} s, found more"
                )
            chunks.append(chunk)
    return b"".join(chunks)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES)


@dataclass
class KeySet:
    """An issuer's keys, as known now; threads may share it.

    Attributes:
        fetch: reads them.
        cache_seconds: how long keys count that cannot be read again.
        clock: seconds of a clock that never goes back.
    """

    fetch: Fetch
    cache_seconds: float
    clock: Callable[[], float] = time.monotonic
    _keys: Mapping[str, PublicKey] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)
    _tried_at: float | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _renewing: threading.Lock = field(default_factory=threading.Lock, init=False)

    def has(self, kid: str) -> bool:
        """Whether `get` answers at once."""
        return self.known(kid) is not None

    def get(self, kid: str) -> PublicKey:
        """Return a key, after a look at the issuer if it is not known.

        Raises:
            UnknownKeyError: the issuer does not publish it.
            IdentitySourceError: the issuer's keys cannot be read now.
        """
        found = self.known(kid)
        if found is not None:
            return found
        with self._lock:
            if not self.has(kid):
                self._renew()
            found = self.known(kid)
            if found is None:
                raise UnknownKeyError(
                    "expected a token signed with one of its issuer's keys, found one with another",
                    hint="get a new token from the issuer",
                )
            return found

    def ask(self) -> int:
        """Read the keys now and return how many there are; for a look at the source's health.

        Raises:
            IdentitySourceError: they cannot be read.
        """
        with self._lock:
            self._load()
        return len(self._keys)

    def known(self, kid: str) -> PublicKey | None:
        """Return a key that counts now, without a look at the issuer; None if it is not known."""
        age = self._age()
        if age >= self.cache_seconds:
            return None
        found = self._keys.get(kid)
        if age > self.cache_seconds / 2 and not self._tried_just_now():
            self._renew_aside()
        return found

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self.clock() - self._read_at

    def _tried_just_now(self) -> bool:
        return self._tried_at is not None and self.clock() - self._tried_at < RETRY_SECONDS

    def _renew(self) -> None:
        if self._tried_just_now():
            if self._tried_at != self._read_at:
                raise _away("no answer a moment ago")
            return
        self._load()

    def _load(self) -> None:
        # Set first: however this ends, the next try waits.
        self._tried_at = now = self.clock()
        try:
            self._keys = read_keys(self.fetch())
        except (OSError, httpx.HTTPError, httpx.InvalidURL, KeysUnreadableError) as err:
            _logger.warning("the issuer's keys cannot be read: %s: %s", type(err).__name__, err)
            raise _away(type(err).__name__) from err
        self._read_at = now

    def _renew_aside(self) -> None:
        if not self._renewing.acquire(blocking=False):
            return
        threading.Thread(target=self._renew_and_release, name="jwks", daemon=True).start()

    def _renew_and_release(self) -> None:
        try:
            with self._lock:
                self._renew()
        except IdentitySourceError:
            pass  # logged; the keys count until their time is over
        finally:
            self._renewing.release()


def _away(found: str) -> IdentitySourceError:
    return IdentitySourceError(
        f"expected the issuer's keys from ACGS_JWT_JWKS, found {found}",
        hint="try again; if it lasts, see acgs health",
    )
