"""What an author may ask for by tags."""

from __future__ import annotations

import pytest

from registry.domain.signature import Bump
from registry.versions.domain.wishes import NOTHING, Wish, WishInvalidError, read


def test_the_nearest_tag_counts() -> None:
    version: dict[str, str] = {}
    model, run = {"version.bump": "minor"}, {"version.bump": "major"}
    assert read([version, model, run]) == Wish(Bump.MINOR)
    assert read([{"version.bump": " Major "}, model, run]) == Wish(Bump.MAJOR)
    assert read([{"version.prerelease": "rc"}]) == Wish(prerelease="rc")


def test_none_overrides_what_stands_further_away() -> None:
    run = {"version.bump": "major", "version.prerelease": "rc"}
    assert read([{"version.prerelease": "none", "version.bump": ""}, run]) == NOTHING


def test_no_tag_asks_for_nothing() -> None:
    assert read([{"team": "risk"}]) == NOTHING
    assert str(NOTHING) == ""
    assert str(Wish(Bump.MAJOR, "rc")) == "bump=major prerelease=rc"


@pytest.mark.parametrize("text", ["huge", "2.0.0", "ＭＡＪＯＲ", "major minor", "x" * 5000])
def test_a_bump_that_cannot_be_meant_is_an_error_that_lists_those_that_can(text: str) -> None:
    with pytest.raises(WishInvalidError, match="major, minor, patch or none") as caught:
        read([{"version.bump": text}])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["RC", "rc.1", "1rc", "rc_1", "ρc", "r c", "-rc", "a" * 17])
def test_a_label_that_semver_or_people_would_misread_is_an_error(text: str) -> None:
    with pytest.raises(WishInvalidError, match="1-16 letters"):
        read([{"version.prerelease": text}])


def test_a_label_at_its_limit_is_fine() -> None:
    assert read([{"version.prerelease": "a" * 16}]) == Wish(prerelease="a" * 16)
