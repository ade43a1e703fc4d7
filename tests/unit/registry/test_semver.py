"""Which semantic version comes next."""

from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from registry.domain.semver import Predecessor, derive, is_semver
from registry.domain.signature import Field, Signature

SMALL = Signature((Field("a", "double"),), (Field("0", "long"),))
GROWN = Signature(
    (Field("a", "double"), Field("b", "double", required=False)), (Field("0", "long"),)
)
OTHER = Signature((Field("z", "string"),), (Field("0", "long"),))

maybe_signature = st.sampled_from([None, SMALL, GROWN, OTHER])


@given(st.lists(maybe_signature, min_size=1, max_size=12))
def test_versions_only_grow_and_never_repeat(history: list[Signature | None]) -> None:
    seen: list[str] = []
    previous = None
    for signature in history:
        derived = derive(previous, signature)
        assert is_semver(derived.version)
        if seen:
            assert Version.parse(derived.version) > Version.parse(seen[-1])
        seen.append(derived.version)
        previous = Predecessor(derived.version, signature)
    assert len(set(seen)) == len(seen)


@given(st.lists(st.none(), min_size=1, max_size=5))
def test_a_model_that_never_had_a_signature_stays_before_one(history: list[None]) -> None:
    previous = None
    for _ in history:
        derived = derive(previous, None)
        assert derived.version.startswith("0.")
        previous = Predecessor(derived.version, None)


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


def test_only_full_versions_are_semantic_versions() -> None:
    assert is_semver("1.2.0")
    assert is_semver("2.0.0-rc.1")
    assert not is_semver("1.2")
    assert not is_semver("Production")
    assert not is_semver("01.2.3")
