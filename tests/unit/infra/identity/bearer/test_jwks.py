from __future__ import annotations

import threading
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.identity.bearer.errors import UnknownKeyError
from infra.identity.bearer.jwks import LARGEST_BYTES, RETRY_SECONDS, KeySet, fetcher
from infra.identity.errors import IdentitySourceError
from tests.support.issuer import Issuer, published

CACHE_SECONDS = 100.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Site:
    """An issuer that is asked without a network."""

    def __init__(self) -> None:
        self.issuer, self.clock = Issuer(), Clock()
        self.asked = threading.Semaphore(0)
        self.times = 0
        self.keys = KeySet(self.fetch, CACHE_SECONDS, self.clock)

    def fetch(self) -> bytes:
        self.times += 1
        self.asked.release()
        if self.issuer.away:
            raise OSError("away")
        return self.issuer.document()

    def wait_for_one_more(self) -> None:
        assert self.asked.acquire(timeout=30)
        with self.keys._lock:  # until what was read is kept
            pass


@pytest.fixture
def site() -> Site:
    return Site()


def test_keys_are_read_once_for_many_tokens(site: Site) -> None:
    assert not site.keys.has("first")
    for _ in range(5):
        site.keys.get("first")
    assert (site.times, site.keys.has("first")) == (1, True)


def test_a_rotated_key_is_found_when_a_token_names_it(site: Site) -> None:
    site.keys.get("first")
    site.issuer.rotate()
    site.clock.now += RETRY_SECONDS

    assert site.keys.get("second")
    with pytest.raises(UnknownKeyError):
        site.keys.get("first")


def test_invented_keys_do_not_make_the_server_ask_again_and_again(site: Site) -> None:
    for number in range(50):
        with pytest.raises(UnknownKeyError):
            site.keys.get(f"invented-{number}")
    assert site.times == 1


def test_keys_that_are_away_at_first_let_nobody_in_and_are_found_later(site: Site) -> None:
    site.issuer.away = True
    for _ in range(20):
        with pytest.raises(IdentitySourceError) as told:
            site.keys.get("first")
    assert told.value.retriable
    assert site.times == 1, "an issuer that is away is not asked for every request"

    site.issuer.away = False
    site.clock.now += RETRY_SECONDS
    assert site.keys.get("first")


def test_known_keys_outlive_a_short_absence_but_not_their_time(site: Site) -> None:
    site.keys.get("first")
    site.issuer.away = True

    site.clock.now += CACHE_SECONDS - 1
    assert site.keys.get("first")
    site.clock.now += 1 + RETRY_SECONDS
    with pytest.raises(IdentitySourceError):
        site.keys.get("first")


def test_a_key_that_its_issuer_withdrew_ends_in_time(site: Site) -> None:
    site.keys.get("first")
    site.wait_for_one_more()
    site.issuer.rotate()
    site.clock.now += CACHE_SECONDS / 2 + 1

    assert site.keys.get("first"), "the look at the issuer is aside"
    site.wait_for_one_more()
    site.clock.now += RETRY_SECONDS
    with pytest.raises(UnknownKeyError):
        site.keys.get("first")


def test_many_threads_ask_an_issuer_once(site: Site) -> None:
    threads = [threading.Thread(target=site.keys.get, args=("first",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.times == 1


def test_keys_come_over_http_from_this_machine_or_from_a_file(tmp_path: Path) -> None:
    issuer = Issuer()
    file = tmp_path / "jwks.json"
    file.write_bytes(issuer.document())
    with published(issuer) as url:
        for location in (url, str(file)):
            assert KeySet(fetcher(location), CACHE_SECONDS).ask() == 1


@pytest.mark.parametrize("location", ["http://192.0.2.7/jwks", "http://issuer.invalid/jwks"])
def test_keys_do_not_come_over_a_network_that_others_can_change(location: str) -> None:
    with pytest.raises(SettingsError, match="https://"):
        fetcher(location)


def test_an_answer_that_is_no_set_of_keys_counts_as_away(tmp_path: Path) -> None:
    issuer = Issuer()
    with published(issuer) as url:
        issuer.away = True
        with pytest.raises(IdentitySourceError):
            KeySet(fetcher(url), CACHE_SECONDS).ask()
        issuer.away = False
        issuer.keys["first"]["padding"] = "x" * LARGEST_BYTES
        with pytest.raises(IdentitySourceError):
            KeySet(fetcher(url), CACHE_SECONDS).ask()
    for location in (url, str(tmp_path / "missing")):
        with pytest.raises(IdentitySourceError):
            KeySet(fetcher(location), CACHE_SECONDS).ask()
