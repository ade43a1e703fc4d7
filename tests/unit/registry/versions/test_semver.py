"""Which semantic version comes next."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from registry.domain.signature import Bump, Field, Signature
from registry.versions.domain.semver import (
    Derived,
    Predecessor,
    Range,
    derive,
    highest,
    is_semver,
    parse_range,
)
from registry.versions.domain.wishes import NOTHING, Wish, WishRefusedError

SMALL = Signature((Field("a", "double"),), (Field("0", "long"),))
GROWN = Signature(
    (Field("a", "double"), Field("b", "double", required=False)), (Field("0", "long"),)
)
OTHER = Signature((Field("z", "string"),), (Field("0", "long"),))

maybe_signature = st.sampled_from([None, SMALL, GROWN, OTHER])
wishes = st.builds(
    Wish,
    st.sampled_from([None, *Bump]),
    st.sampled_from([None, "alpha", "beta", "rc", "rc-2", "x1"]),
)
registrations = st.lists(st.tuples(maybe_signature, wishes), min_size=1, max_size=14)


class Shelf:
    """A registry of one model, as far as numbering cares."""

    def __init__(self) -> None:
        self.versions: list[str] = []
        self.base: Predecessor | None = None

    def ahead(self) -> list[str]:
        base = Version.parse(self.base.version) if self.base else None
        return [v for v in self.versions if base is None or Version.parse(v) > base]

    def derive(self, signature: Signature | None, wish: Wish) -> Derived:
        return derive(self.base, signature, wish, self.ahead())

    def register(self, signature: Signature | None, wish: Wish = NOTHING) -> Derived:
        derived = self.derive(signature, wish)
        self.versions.append(derived.version)
        if Version.parse(derived.version).prerelease is None:
            self.base = Predecessor(derived.version, signature)
        return derived


@given(registrations)
def test_versions_only_grow_and_never_repeat_whatever_is_asked_for(
    history: list[tuple[Signature | None, Wish]],
) -> None:
    shelf = Shelf()
    for signature, wish in history:
        try:
            derived = shelf.register(signature, wish)
        except WishRefusedError:
            derived = shelf.register(signature)
        assert is_semver(derived.version)
        assert derived.reason
    ordered = [Version.parse(v) for v in shelf.versions]
    assert all(a < b for a, b in pairwise(ordered))
    assert len(set(shelf.versions)) == len(shelf.versions)


@given(registrations)
def test_a_wish_raises_a_version_and_never_lowers_it(
    history: list[tuple[Signature | None, Wish]],
) -> None:
    shelf = Shelf()
    for signature, wish in history:
        least = Version.parse(shelf.derive(signature, NOTHING).version)
        try:
            asked = Version.parse(shelf.derive(signature, wish).version)
        except WishRefusedError:
            shelf.register(signature)
            continue
        assert asked.finalize_version() >= least
        assert (asked.prerelease is None) == (wish.prerelease is None)
        if wish.bump and shelf.base and Version.parse(shelf.base.version).major:
            base = Version.parse(shelf.base.version)
            bumped = {
                Bump.MAJOR: base.bump_major(),
                Bump.MINOR: base.bump_minor(),
                Bump.PATCH: base.bump_patch(),
            }
            assert asked.finalize_version() >= bumped[wish.bump]
        shelf.register(signature, wish)


@given(registrations)
def test_a_release_is_never_behind_what_its_pre_releases_announced(
    history: list[tuple[Signature | None, Wish]],
) -> None:
    shelf = Shelf()
    for signature, wish in history:
        announced = highest(shelf.ahead())
        try:
            derived = shelf.register(signature, wish)
        except WishRefusedError:
            continue
        if announced:
            core = Version.parse(announced).finalize_version()
            assert Version.parse(derived.version).finalize_version() >= core


@given(registrations)
def test_derivation_is_total_without_a_wish(
    history: list[tuple[Signature | None, Wish]],
) -> None:
    shelf = Shelf()
    for signature, _wish in history:
        shelf.register(signature)
        assert Version.parse(shelf.versions[-1]).prerelease is None


@given(st.lists(st.none(), min_size=1, max_size=5))
def test_a_model_that_never_had_a_signature_stays_before_one(history: list[None]) -> None:
    shelf = Shelf()
    for _ in history:
        assert shelf.register(None).version.startswith("0.")


def test_the_first_version_with_a_signature_is_one() -> None:
    assert derive(None, SMALL).version == "1.0.0"
    assert derive(Predecessor("0.7.0", None), SMALL).version == "1.0.0"


def test_a_retrain_is_a_patch_a_growth_a_minor_and_a_break_a_major() -> None:
    assert derive(Predecessor("1.2.3", SMALL), SMALL).version == "1.2.4"
    assert derive(Predecessor("1.2.3", SMALL), GROWN).version == "1.3.0"
    assert derive(Predecessor("1.2.3", SMALL), OTHER).version == "2.0.0"


def test_a_signature_that_is_gone_is_a_major_and_says_so() -> None:
    derived = derive(Predecessor("1.2.3", SMALL), None)
    assert derived.version == "2.0.0"
    assert "gone" in derived.reason


def test_release_candidates_count_up_and_end_in_their_release() -> None:
    shelf = Shelf()
    rc = Wish(prerelease="rc")
    shelf.register(SMALL)
    assert shelf.register(GROWN, rc).version == "1.1.0-rc.1"
    assert shelf.register(GROWN, rc).version == "1.1.0-rc.2"
    assert shelf.register(GROWN).version == "1.1.0"
    assert shelf.register(GROWN, rc).version == "1.1.1-rc.1"


def test_a_candidate_that_breaks_more_announces_more() -> None:
    shelf = Shelf()
    rc = Wish(prerelease="rc")
    shelf.register(SMALL)
    assert shelf.register(GROWN, rc).version == "1.1.0-rc.1"
    assert shelf.register(OTHER, rc).version == "2.0.0-rc.1"
    # Although nothing breaks in the end: 2.0.0 was announced.
    last = shelf.register(GROWN)
    assert last.version == "2.0.0"
    assert "2.0.0-rc.1 has announced" in last.reason
    assert last.bump == "major"


def test_an_earlier_label_after_a_later_one_is_refused() -> None:
    shelf = Shelf()
    shelf.register(SMALL)
    assert shelf.register(SMALL, Wish(prerelease="beta")).version == "1.0.1-beta.1"
    assert shelf.register(SMALL, Wish(prerelease="rc")).version == "1.0.1-rc.1"
    with pytest.raises(WishRefusedError, match=r"after 1\.0\.1-rc\.1, found .*beta"):
        shelf.register(SMALL, Wish(prerelease="beta"))


def test_ten_comes_after_nine() -> None:
    shelf = Shelf()
    for number in range(1, 12):
        assert shelf.register(SMALL, Wish(prerelease="rc")).version == f"1.0.0-rc.{number}"


def test_a_higher_bump_is_granted_and_says_who_asked() -> None:
    derived = derive(Predecessor("1.2.3", SMALL), SMALL, Wish(Bump.MAJOR))
    assert derived.version == "2.0.0"
    assert derived.reason.startswith("the author asked for a major bump")


def test_a_lower_bump_is_refused_with_what_was_expected_and_why() -> None:
    with pytest.raises(
        WishRefusedError,
        match=r"at least a minor bump \(1\.3\.0\) because optional input b added; "
        r"found version\.bump=patch",
    ):
        derive(Predecessor("1.2.3", SMALL), GROWN, Wish(Bump.PATCH))


def test_no_wish_leads_to_one_without_a_signature() -> None:
    for previous in (None, Predecessor("0.3.0", None)):
        with pytest.raises(WishRefusedError, match="a signature before 1"):
            derive(previous, None, Wish(Bump.MAJOR))


def test_only_full_versions_are_semantic_versions() -> None:
    assert is_semver("1.2.0")
    assert is_semver("2.0.0-rc.1")
    assert not is_semver("1.2")
    assert not is_semver("Production")
    assert not is_semver("01.2.3")


def test_ranges_are_latest_and_trailing_x() -> None:
    assert parse_range("latest") == Range()
    assert parse_range("1.x") == Range(1)
    assert parse_range("1.2.X") == Range(1, 2)
    assert [parse_range(t) for t in ("1", "1.2", "x", "1.2.0", "²..x", "")] == [None] * 6
